/** What a clerk does with the tool of examples/admin, and sees of it. Everything waits until the page is as asked. */
import type { Browser, Page } from 'puppeteer-core';

export class ToolPage {
  readonly #page: Page;
  readonly #address: string;

  private constructor(page: Page, address: string) {
    this.#page = page;
    this.#address = address;
  }

  /** @param onError for what the page throws */
  static async open(browser: Browser, address: string, onError: (error: unknown) => void): Promise<ToolPage> {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    page.setDefaultTimeout(60_000);
    page.on('pageerror', onError);
    return new ToolPage(page, address);
  }

  async list(): Promise<void> {
    await this.#page.goto(`${this.#address}/#/shipments`);
  }

  async show(id: number): Promise<void> {
    await this.#page.goto(`${this.#address}/#/shipments/${id}/show`);
  }

  async edit(id: number): Promise<void> {
    await this.#page.goto(`${this.#address}/#/shipments/${id}`);
  }

  /** A column of the list, once there are rows and all are as wanted. */
  async column(source: string, wanted: RegExp): Promise<string[]> {
    const selector = `tbody .column-${source.replace('.', '\\\\.')}`;
    const cells = `[...document.querySelectorAll('${selector}')].map((cell) => cell.textContent)`;
    await this.#page.waitForFunction(`${cells}.length > 0 && ${cells}.every((cell) => ${wanted}.test(cell))`);
    return (await this.#page.evaluate(cells)) as string[];
  }

  async filterByStatus(status: string): Promise<void> {
    await this.#choose('[data-source=status]', status);
  }

  async findByPhone(phone: string): Promise<void> {
    await this.#fill('phone', phone);
  }

  async chooseStatus(status: string): Promise<void> {
    await this.#choose('form', status);
  }

  async writePhone(phone: string): Promise<void> {
    await this.#fill('receiver.phone', phone);
  }

  async save(): Promise<void> {
    await this.#page.locator('button[type=submit]').click();
  }

  async callTheCustomer(): Promise<void> {
    await this.#page.locator('button[aria-label="Call the customer"]').click();
  }

  async says(pattern: RegExp): Promise<void> {
    await this.#page.waitForFunction(`${pattern}.test(document.body.innerText)`);
  }

  text(): Promise<string> {
    return this.#page.evaluate('document.body.innerText') as Promise<string>;
  }

  async picture(path: string): Promise<void> {
    await this.#page.screenshot({ path: path as `${string}.png` });
  }

  async #choose(within: string, value: string): Promise<void> {
    await this.#page.locator(`${within} [role=combobox]`).click();
    await this.#page.locator(`li[data-value="${value}"]`).click();
    // While the menu closes, it lies over everything else.
    await this.#page.waitForSelector('li[data-value]', { hidden: true });
  }

  async #fill(name: string, text: string): Promise<void> {
    const selector = `input[name="${name}"]`;
    await this.#page.waitForSelector(selector, { visible: true });
    await this.#page.evaluate(`document.querySelector('${selector}').select()`);
    await this.#page.keyboard.type(text);
  }
}
