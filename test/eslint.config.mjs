export { plain as default } from '../eslint.plain.mjs';
