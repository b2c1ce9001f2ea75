import type { HttpResponse } from './response.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text as HTML; what stands between backticks becomes code. */
export const toHtml = (text: string): string =>
  text
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string)
    .replaceAll(/`([^`]*)`/g, '<code>$1</code>')

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;
color:#222;background:#fff}code{background:#f2f2f2;padding:.1em .3em}dt{font-weight:600;margin-top:1rem}
dd{margin:0}@media(prefers-color-scheme:dark){body{color:#ddd;background:#191919}code{background:#333}}`

/**
 * A page that needs nothing but itself: no script, no other origin.
 * @param body HTML
 */
export function htmlResponse(title: string, body: string): HttpResponse {
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${toHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`,
  }
}
