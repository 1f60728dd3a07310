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
  webhook.create,
  webhook.list,
  webhook.get,
  webhook.remove,
  webhook.resume,
  webhook.events,
  webhook.deliveries,
  webhook.redeliver,
];
