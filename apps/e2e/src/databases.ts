import { Client } from 'pg';
import { z } from 'zod';
import { recordOf, type Service, Services } from '@rookery/contracts';

/** Address of each service's database in the stack that all specs share. */
export const stackDatabaseUrls: Readonly<Record<Service, string>> = recordOf(Services, (service) =>
  z.url().parse(process.env[`E2E_DATABASE_URL_${service.toUpperCase()}`]),
);

const Row = z.record(z.string(), z.unknown());
const Counted = z.tuple([z.object({ count: z.coerce.number() })]);

/** What is really stored: reads the services' databases past the services. Connects when it is first asked. */
export class Databases {
  private readonly clients = new Map<Service, Promise<Client>>();

  /** @default those of the stack that all specs share */
  constructor(private readonly urls = stackDatabaseUrls) {}

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
    for (const client of this.clients.values()) {
      await (await client).end();
    }
  }

  private client(service: Service): Promise<Client> {
    const known = this.clients.get(service);
    if (known !== undefined) {
      return known;
    }
    const client = new Client({ connectionString: this.urls[service] });
    const connected = client.connect().then(() => client);
    this.clients.set(service, connected);
    return connected;
  }
}
