import { SECRET, symmetricKeySetting } from '@rookery/platform';

/** The setting of the key of `TokenSealer`, which two services share. */
export const sealingKeySetting = (sharedWith: string) =>
  symmetricKeySetting
    .describe(`Key that payment tokens are sealed with; the same as that of ${sharedWith}`)
    .meta(SECRET);
