import { register } from 'node:module';

/** `node --import ./typescript.mjs file.ts` runs TypeScript in another process, as jest does in its own. */
register(new URL('./typescript-hooks.mjs', import.meta.url));
