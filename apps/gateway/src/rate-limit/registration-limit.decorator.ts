import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

const REGISTRATION = 'rookery:registration';

/** Marks a route that creates accounts and has its own small limit per address. */
export const RegistrationLimit = () => SetMetadata(REGISTRATION, true);

/** Whether the route has this mark. */
export function isRegistration(reflector: Reflector, context: ExecutionContext): boolean {
  return reflector.get<true | undefined>(REGISTRATION, context.getHandler()) === true;
}
