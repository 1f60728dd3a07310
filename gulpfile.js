const { dest, src } = require('gulp');

/** What n8n reads next to the compiled nodes: icons, codex files and output schemas. Runs after tsc. */
exports.default = () =>
  src(['nodes/**/*.{svg,json}', 'credentials/**/*.svg'], { base: '.', encoding: false }).pipe(dest('dist'));
