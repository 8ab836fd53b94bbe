/**
 * Reads HTTP/1.1 answers with a Content-Length off one connection, as cheaply as can be: the client must not
 * be what is measured. Knows one answer at a time (no pipelining) and no chunked ones.
 */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

const headEnd = '\r\n\r\n';
const nothing = Buffer.alloc(0);

export class AnswerReader {
  #bytes: Buffer = nothing;
  #status = 0;
  /** Where the answer ends; 0 while its head is not there. */
  #end = 0;
  #bodyStart = 0;

  /** @returns the answer that these bytes complete. @throws Error on what it does not know */
  take(chunk: Buffer): HttpAnswer | undefined {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#end === 0) this.#readHead();
    if (this.#end === 0 || this.#bytes.length < this.#end) return undefined;
    if (this.#bytes.length > this.#end) throw new Error('bytes follow the answer');
    const answer = { status: this.#status, body: this.#bytes.subarray(this.#bodyStart) };
    this.#bytes = nothing;
    this.#end = 0;
    return answer;
  }

  #readHead(): void {
    const at = this.#bytes.indexOf(headEnd);
    if (at < 0) return;
    const head = this.#bytes.toString('latin1', 0, at + 2);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
    if (status === undefined || length === undefined) throw new Error('an answer without status or length');
    this.#status = Number(status);
    this.#bodyStart = at + headEnd.length;
    this.#end = this.#bodyStart + Number(length);
  }
}
