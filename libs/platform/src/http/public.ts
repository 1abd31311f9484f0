import { SetMetadata } from '@nestjs/common';

/** Metadata key under which `@Public` leaves its mark. */
export const PUBLIC = 'rookery:public';

/** Marks a controller or route as public: no token is required, and a token that is sent is ignored. */
export const Public = () => SetMetadata(PUBLIC, true);
