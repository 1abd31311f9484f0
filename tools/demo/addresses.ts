/** Where the running stack is: the default ports, or what the variables of `npm start` say. */
export const gatewayUrl = process.env['GATEWAY_URL'] ?? `http://localhost:${process.env['GATEWAY_PORT'] ?? 3000}`;
export const authUrl = process.env['AUTH_URL'] ?? `http://localhost:${process.env['AUTH_PORT'] ?? 3001}`;
