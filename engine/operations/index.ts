import * as channel from './channel.ts';
import * as contact from './contact.ts';
import * as group from './group.ts';
import * as media from './media.ts';
import * as message from './message.ts';
import type { Operation } from './operation.ts';
import * as session from './session.ts';
import * as system from './system.ts';
import * as webhook from './webhook.ts';

/** Everything that can be asked of the engine. Surfaces read this list; it is written by hand, so that it is one. */
export const operations: readonly Operation[] = [
  system.health,
  system.ready,
  system.authCheck,
  session.list,
  session.create,
  session.get,
  session.update,
  session.remove,
  session.connect,
  session.qrcode,
  session.getStatus,
  session.disconnect,
  session.restart,
  session.regenerateKey,
  message.send,
  media.upload,
  media.file,
  contact.list,
  contact.put,
  contact.get,
  contact.picture,
  contact.block,
  contact.unblock,
  contact.blocked,
  contact.check,
  contact.lidFromPn,
  contact.pnFromLid,
  group.create,
  group.list,
  group.metadata,
  group.participants,
  group.add,
  group.remove,
  group.roles,
  group.settings,
  group.inviteLink,
  group.revokeInvite,
  group.inviteInfo,
  group.acceptInvite,
  group.leave,
  group.picture,
  group.requests,
  group.decide,
  channel.get,
  channel.list,
  channel.follow,
  channel.unfollow,
  webhook.create,
  webhook.list,
  webhook.get,
  webhook.remove,
  webhook.resume,
  webhook.events,
  webhook.deliveries,
  webhook.redeliver,
];
