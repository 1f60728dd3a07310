import { createRequire } from 'node:module';
import { Router } from 'express';
import { apiPage } from '../operations/api-page.ts';
import { openApi, type OpenApi } from '../operations/openapi.ts';

/** Redoc, which the build puts beside the compiled engine: whoever reads the docs may have no internet. */
const REDOC = createRequire(import.meta.url).resolve('#redoc');

/** Nothing from anywhere else. Redoc styles itself from its script, and searches in a worker that it makes itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  'worker-src blob:',
  'child-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FIVE_MINUTES = 'public, max-age=300';

/**
 * `/openapi.json`, and what is made of it for people: `/docs` to look around in, also without scripts, and
 * `/docs/api.md` as plain text.
 */
export function docs(url: () => string): Router {
  const document = () => openApi(url());
  const router = Router();
  router.get('/openapi.json', (_req, res) => {
    res.set({ 'Cache-Control': FIVE_MINUTES, 'Access-Control-Allow-Origin': '*' }).json(document());
  });
  router.get('/docs', (req, res) => {
    // The addresses in the page are relative, so that they hold behind a proxy that adds a path.
    if (req.path.endsWith('/')) return res.redirect(301, '../docs');
    res.set({ 'Cache-Control': FIVE_MINUTES, 'Content-Security-Policy': CONTENT_SECURITY_POLICY });
    res.type('html').send(page(document()));
  });
  router.get('/docs/api.md', (_req, res) => {
    res.set('Cache-Control', FIVE_MINUTES).type('text').send(apiPage(document()));
  });
  router.get('/docs/redoc.js', (_req, res) => {
    res.sendFile(REDOC, { cacheControl: false, headers: { 'Cache-Control': FIVE_MINUTES } });
  });
  return router;
}

/** What stands inside `<redoc>` is what readers without scripts see; Redoc replaces it. */
function page({ info, tags, paths }: OpenApi): string {
  const requests = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      request: `${method.toUpperCase()} ${path}`,
    })),
  );
  const nouns = tags.map(({ name }) => {
    const items = requests
      .filter((operation) => operation.tags.includes(name))
      .map(({ request, summary }) => `<li><code>${escaped(request)}</code> ${escaped(summary)}</li>`);
    return items.length === 0 ? '' : `<h2>${escaped(name)}</h2>\n<ul>\n${items.join('\n')}\n</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)} API</title>
<link rel="icon" href="data:,">
<style>body { margin: 0; font-family: sans-serif }</style>
</head>
<body>
<redoc spec-url="openapi.json">
<h1>${escaped(info.title)} ${escaped(info.version)}</h1>
<p>Every request with its fields and errors, <a href="docs/api.md">as text</a> and <a href="openapi.json">as OpenAPI 3.1</a>.</p>
${nouns.filter(Boolean).join('\n')}
</redoc>
<script src="docs/redoc.js"></script>
</body>
</html>
`;
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
