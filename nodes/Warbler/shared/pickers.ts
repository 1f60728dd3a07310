import type { INodeProperties, INodePropertyMode } from 'n8n-workflow';

const CHOSEN = { type: 'list' as const };
const TYPED = { type: 'string' as const };

/** What the engine knows, found by search. */
export const fromList = (searchListMethod: string, placeholder: string): INodePropertyMode => ({
  displayName: 'From List',
  name: 'list',
  ...CHOSEN,
  placeholder,
  typeOptions: { searchListMethod, searchable: true },
});

/** n8n's editor has names of its own for some modes, "By ID" for `id` and "By URL" for `url`: the hint says what is meant. */
export const byHand = (displayName: string, name: 'phone' | 'url' | 'id', example: string): INodePropertyMode => ({
  displayName,
  name,
  ...TYPED,
  placeholder: `e.g. ${example}`,
});

/** The engine reads numbers as people write them; an address or a link is another mode. */
export const byPhone: INodePropertyMode = {
  ...byHand('By Phone', 'phone', '+14155552671'),
  validation: [
    {
      type: 'regex',
      properties: {
        regex: '[^A-Za-z@]*[0-9][^A-Za-z@]*',
        errorMessage: 'A phone number with country code, for example +14155552671',
      },
    },
  ],
};

/** A link to the chat with somebody, as people share it. */
export const byChatLink: INodePropertyMode = {
  ...byHand('By Link', 'url', 'https://wa.me/14155552671'),
  validation: [
    {
      type: 'regex',
      properties: {
        regex: 'https?://(wa\\.me/|api\\.whatsapp\\.com/send).*',
        errorMessage: 'A link to a chat, for example https://wa.me/14155552671',
      },
    },
  ],
};

export const byChannelLink: INodePropertyMode = {
  ...byHand('By Link', 'url', 'https://whatsapp.com/channel/0029VaBcDeFgHiJkLmNoPq1r'),
  validation: [
    {
      type: 'regex',
      properties: {
        regex: 'https?://(www\\.)?whatsapp\\.com/channel/.+',
        errorMessage: 'The link of a channel, for example https://whatsapp.com/channel/0029VaBcDeFgHiJkLmNoPq1r',
      },
    },
  ],
};

/** Takes an address; and, from before there were the other modes, a phone number. */
export const byJid = (example: string): INodePropertyMode => ({
  ...byHand('By JID', 'id', example),
  hint: 'The JID: the address on WhatsApp, as events and other operations give it',
});

/** Takes several at once. */
export const byPhoneOrJid = (example: string): INodePropertyMode => ({
  ...byHand('By Phone or JID', 'id', example),
  hint: 'Phone numbers, or JIDs (addresses on WhatsApp, as events give them), separated by commas',
});

/**
 * Chooses something that belongs to the session: from a list first, then by what people have at hand. A plain value in
 * its place, as workflows have that were saved when it was a text field, is used as it is.
 */
export function picker(
  field: Pick<INodeProperties, 'displayName' | 'name' | 'description'>,
  modes: INodePropertyMode[],
  dependsOn = ['session.value'],
): INodeProperties {
  return {
    ...field,
    type: 'resourceLocator',
    default: { mode: 'list', value: '' },
    required: true,
    typeOptions: { loadOptionsDependsOn: dependsOn },
    modes,
  };
}
