const { createServer, request } = process.getBuiltinModule('node:http')

/**
 * Of `node:http`, which an import would load with all that it has of browsers (WebSocket): 30 ms and 12 MB
 * more at the start (Node 24.21, November 2026). The gateway imports it all the same: started with less, its first
 * full collection comes later, and it stays larger (147 MB in place of 132 under load).
 */
export { createServer, request }
