import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_PATHS = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);

/** The Chromium or Chrome of this machine; none is ever downloaded. */
export const browserPath: string | undefined = [
  ...(process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))),
  ...MAC_PATHS,
].find((path) => existsSync(path));

/** What a spec that needs a browser says where there is none. */
export const NO_BROWSER = `SKIPPED, NOT PASSED: no Chromium or Chrome on the PATH (looked for ${NAMES.join(', ')}). Install one to run the browser specs.`;

/** Starts that browser without a window, with a profile of its own that is deleted when it is closed. */
export function openBrowser(): Promise<Browser> {
  if (browserPath === undefined) {
    throw new Error(NO_BROWSER);
  }
  return chromium.launch({
    executablePath: browserPath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
