import type { HttpResponse } from '#lib/http/response.ts'

/** Where the page may get anything from: this very origin; and nobody may frame it. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'connect-src': "'self'",
  // Swagger UI's style sheet has its icons in it, as data: URLs.
  'img-src': "'self' data:",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Headers of the page and of all its files. */
export const SECURITY_HEADERS = {
  'content-security-policy': Object.entries(POLICY)
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/**
 * The page: an empty frame that its script fills.
 * @param base where its files are, relative to it: a stage's name may stand before the path
 */
export const page = (base: string): HttpResponse => ({
  status: 200,
  headers: {
    ...SECURITY_HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  },
  body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Warren</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}swagger-ui.css">
<link rel="stylesheet" href="${base}docs.css">
<script defer src="${base}swagger-ui-bundle.js"></script>
<script defer src="${base}docs.js"></script>
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript; <a href="${base}../openapi.json">this</a> says the same.</noscript>
</body>
</html>
`,
})

/** Starts Swagger UI. The token that a person enters stays in the page. */
export const SCRIPT = `SwaggerUIBundle({
  url: new URL('../openapi.json', document.currentScript.src).href,
  dom_id: '#docs',
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  // Nothing is asked of anybody's validator.
  validatorUrl: null,
})
`

export const STYLE = `body{margin:0;background:#fff}
.swagger-ui .wrapper{max-width:70rem}
`
