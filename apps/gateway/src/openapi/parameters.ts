import { Id } from '@rookery/contracts';
import { EXAMPLE_PRODUCT_ID } from './examples';

/** `limit` as clients see it; the contract parses it from the text of the query string. */
export const pageLimitSchema = { type: 'integer', minimum: 1, maximum: 100, default: 20 } as const;

/** `id` of a product; Swagger UI fills in an existing one. */
export const ProductId = Id.meta({ example: EXAMPLE_PRODUCT_ID });
export const productIdParameter = { name: 'id', description: 'Id of the product' } as const;
