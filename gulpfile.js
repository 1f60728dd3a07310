const { dest, src } = require('gulp');

/** What n8n reads next to the compiled nodes: icons, codex files and output schemas. Runs after tsc. */
exports.default = () =>
  src(['nodes/**/*.{svg,json}', 'credentials/**/*.svg'], { base: '.', encoding: false }).pipe(dest('dist'));

/** What the engine shows its documentation with, and the licences of its parts. Runs after tsc. */
exports.docs = () =>
  src('node_modules/redoc/bundles/redoc.standalone.js{,.LICENSE.txt}', { encoding: false }).pipe(dest('engine/dist'));
