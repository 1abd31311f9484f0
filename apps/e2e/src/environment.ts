import { z } from 'zod';

/** Where the stack under test is: set by the global set-up of this project, which starts it. */
const environment = z.object({ E2E_GATEWAY_URL: z.url(), E2E_AUTH_URL: z.url() }).parse(process.env);

export const gatewayUrl = environment.E2E_GATEWAY_URL;
export const authUrl = environment.E2E_AUTH_URL;
