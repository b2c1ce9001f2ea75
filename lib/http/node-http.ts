const { createServer, request } = process.getBuiltinModule('node:http')

/**
 * Of `node:http`, which an import would load with all that it has of browsers (WebSocket): 12 MB and
 * 30 ms more for every process (Node 24.21, November 2026).
 */
export { createServer, request }
