import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { RpcClient } from '@rookery/messaging';
import { Cursors } from '@rookery/platform';
import { apiControllers } from './api-controllers';
import { asyncApiDocument, type Json } from './asyncapi/asyncapi-document';
import { type DocumentConfig, openApiDocument } from './openapi/openapi-document';
import { OrderStreams } from './orders/order-streams';
import { ProductCache } from './product-cache/product-cache';

/** The routes without their services: describing a route calls nothing. */
@Module({
  controllers: apiControllers,
  providers: [
    { provide: RpcClient, useValue: {} },
    { provide: Cursors, useValue: {} },
    { provide: OrderStreams, useValue: {} },
    { provide: ProductCache, useValue: {} },
  ],
})
class DescribedRoutes {}

/** Both documents as committed in docs/api, with the addresses of the embedded stack. Needs no running service. */
export async function committedDocuments(): Promise<{ readonly openapi: OpenAPIObject; readonly asyncapi: Json }> {
  Logger.overrideLogger(['warn', 'error', 'fatal']);
  const app = await NestFactory.create(DescribedRoutes, new FastifyAdapter());
  try {
    return { openapi: openApiDocument(app, EMBEDDED_ADDRESSES), asyncapi: asyncApiDocument() };
  } finally {
    await app.close();
  }
}

const EMBEDDED_ADDRESSES: DocumentConfig = {
  PUBLIC_URL: 'http://localhost:3000',
  OIDC_ISSUER: 'http://localhost:3001',
  OIDC_AUTHORIZATION_URL: undefined,
  OIDC_TOKEN_URL: undefined,
};
