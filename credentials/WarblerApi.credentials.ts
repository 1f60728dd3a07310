import type {
  IAuthenticateGeneric,
  ICredentialDataDecryptedObject,
  ICredentialTestRequest,
  ICredentialType,
  Icon,
  IHttpRequestHelper,
  IN8nHttpFullResponse,
  INodeProperties,
} from 'n8n-workflow';

const DOCKER_ADVICE =
  'When n8n runs in Docker, localhost is the n8n container itself: use the service name of the engine or http://host.docker.internal:3210 instead.';

/** n8n shows a text of its own for every message in which it finds one of these codes, so they are put in words. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host could not be looked up',
  ECONNABORTED: 'no answer within 10 seconds',
  ETIMEDOUT: 'no answer in time',
};

async function health(helper: IHttpRequestHelper, url: string): Promise<IN8nHttpFullResponse> {
  try {
    return (await helper.helpers.httpRequest({
      method: 'GET',
      url: `${url}/healthz`,
      timeout: 10_000,
      ignoreHttpStatusErrors: true,
      returnFullResponse: true,
    })) as IN8nHttpFullResponse;
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    const reason = REASONS[code ?? ''] ?? message;
    throw new Error(`Nothing answers at ${url}: ${reason}. Check that the engine runs there. ${DOCKER_ADVICE}`);
  }
}

/**
 * Where the engine is and the personal access token it knows. One credential serves every session: each request names
 * its session itself.
 */
export class WarblerApi implements ICredentialType {
  name = 'warblerApi';

  displayName = 'Warbler API';

  icon: Icon = { light: 'file:../nodes/Warbler/warbler.svg', dark: 'file:../nodes/Warbler/warbler.dark.svg' };

  documentationUrl = 'https://github.com/warbler-wa/n8n-nodes-warbler#credentials';

  properties: INodeProperties[] = [
    {
      displayName: 'Probed',
      name: 'probed',
      type: 'hidden',
      typeOptions: { expirable: true },
      default: '={{ $workflow.name ?? "" }}',
    },
    {
      displayName: 'Engine URL',
      name: 'url',
      type: 'string',
      default: 'http://localhost:3210',
      placeholder: 'e.g. http://warbler:3210',
      required: true,
      description: `Where the Warbler engine answers, as seen from n8n. ${DOCKER_ADVICE}`,
    },
    {
      displayName: 'Personal Access Token',
      name: 'token',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      required: true,
      description:
        'The token the engine printed at its first start. "warbler token create" makes more, also for one session alone, for certain recipients or for reading only.',
    },
  ];

  /**
   * Tells what the rules of a test request cannot: that nothing answers, or something other than the engine, which then
   * is not shown the token. n8n calls this before a request while the hidden field is empty: when a credential is
   * tested and when the editor fills a list, but not while a workflow is at work. (A test method of the node could do
   * the same, but n8n does not find it when the package is loaded through N8N_CUSTOM_EXTENSIONS.)
   */
  async preAuthentication(this: IHttpRequestHelper, credentials: ICredentialDataDecryptedObject) {
    const url = String(credentials.url).trim().replace(/\/+$/, '');
    if (!/^https?:\/\//.test(url)) throw new Error('The engine URL must begin with http:// or https://');
    const { headers, statusCode } = await health(this, url);
    if (headers['x-warbler-version'] === undefined) {
      throw new Error(
        `Something other than a Warbler engine answers at ${url} (HTTP ${statusCode}). Check host and port.`,
      );
    }
    return {};
  }

  authenticate: IAuthenticateGeneric = {
    type: 'generic',
    properties: { headers: { Authorization: '=Bearer {{$credentials.token}}' } },
  };

  test: ICredentialTestRequest = {
    request: {
      baseURL: '={{ $credentials.url.trim().replace(/\\/+$/, "") }}',
      url: '/api/auth-check',
    },
    rules: [
      {
        type: 'responseCode',
        properties: {
          value: 401,
          message:
            'The engine answers, but does not know this personal access token, or it has expired. "warbler token create" makes a new one.',
        },
      },
    ],
  };
}
