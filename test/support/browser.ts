/** A real Chromium without a window, for tests that drive a page. */
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser } from 'puppeteer-core';
import type { Teardown } from './cluster.js';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @returns the program that CHROMIUM names, or one in a usual place */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  return (named ? [named] : places).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const withoutChromium =
  'no Chromium here: install it (Debian: apt-get install chromium) or name one with CHROMIUM';

export async function openBrowser(t: Teardown): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(withoutChromium);
  const userDataDir = await mkdtemp(join(tmpdir(), 'weir-browser-'));
  const browser = await puppeteer.launch({
    executablePath,
    userDataDir,
    // Its sandbox does not start as root, nor in most containers; it meets our own pages only.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--lang=en'],
  });
  t.teardown(async () => {
    await browser.close();
    await rm(userDataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return browser;
}
