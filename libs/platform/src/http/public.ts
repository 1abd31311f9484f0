import { SetMetadata } from '@nestjs/common';

/** Metadata key under which `@Public` leaves its mark. */
export const PUBLIC = 'rookery:public';

/** A controller or route that anyone may use: no token is looked for, and one that is sent is not looked at. */
export const Public = () => SetMetadata(PUBLIC, true);
