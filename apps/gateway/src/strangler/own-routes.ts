import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';

/** One route that a controller declares. */
export interface OwnRoute {
  readonly method: string;
  /** With a leading and without a trailing slash: `/v1/products/:id`. */
  readonly path: string;
}

/** The routes that Nest will register for these controllers. */
export function ownRoutesOf(controllers: readonly Type[]): readonly OwnRoute[] {
  return controllers.flatMap((controller) =>
    Object.values(Object.getOwnPropertyDescriptors(controller.prototype)).flatMap(
      ({ value: handler }: PropertyDescriptor) =>
        pathsOf(controller).flatMap((base) =>
          pathsOf(handler).map((path) => ({ method: methodOf(handler), path: joined(base, path) })),
        ),
    ),
  );
}

function pathsOf(target: unknown): readonly string[] {
  if (typeof target !== 'function') {
    return [];
  }
  const paths: unknown = Reflect.getMetadata(PATH_METADATA, target);
  return paths === undefined ? [] : [paths].flat().map(String);
}

function methodOf(handler: unknown): string {
  if (typeof handler !== 'function') {
    return '';
  }
  return RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))] ?? '';
}

const joined = (...parts: readonly string[]): string =>
  `/${parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/')}`;
