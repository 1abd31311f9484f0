import type { Service } from '@rookery/contracts';
import { Client } from 'pg';
import { z } from 'zod';

const environment = z
  .object({
    E2E_DATABASE_URL_AUTH: z.url(),
    E2E_DATABASE_URL_PRODUCTS: z.url(),
    E2E_DATABASE_URL_ORDERS: z.url(),
    E2E_DATABASE_URL_PAYMENTS: z.url(),
  })
  .parse(process.env);

const stackUrls: Readonly<Record<Service, string>> = {
  auth: environment.E2E_DATABASE_URL_AUTH,
  products: environment.E2E_DATABASE_URL_PRODUCTS,
  orders: environment.E2E_DATABASE_URL_ORDERS,
  payments: environment.E2E_DATABASE_URL_PAYMENTS,
};

const Row = z.record(z.string(), z.unknown());
const Counted = z.tuple([z.object({ count: z.coerce.number() })]);

/** What is really stored: reads the services' databases past the services. Connects when it is first asked. */
export class Databases {
  private readonly clients = new Map<Service, Promise<Client>>();

  /** Those of the stack that all specs share, unless told. */
  constructor(private readonly urls = stackUrls) {}

  async rows(service: Service, sql: string, parameters: readonly unknown[] = []): Promise<z.infer<typeof Row>[]> {
    const client = await this.client(service);
    const { rows } = await client.query<Record<string, unknown>>(sql, [...parameters]);
    return z.array(Row).parse(rows);
  }

  /** Rows of `from`, for example `orders WHERE customer_id = $1`. */
  async count(service: Service, from: string, parameters: readonly unknown[] = []): Promise<number> {
    const [{ count }] = Counted.parse(await this.rows(service, `SELECT count(*) AS count FROM ${from}`, parameters));
    return count;
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) await (await client).end();
  }

  private client(service: Service): Promise<Client> {
    const known = this.clients.get(service);
    if (known !== undefined) return known;
    const client = new Client({ connectionString: this.urls[service] });
    const connected = client.connect().then(() => client);
    this.clients.set(service, connected);
    return connected;
  }
}
