/** What is sent of a service's answer, and how many of its bytes are charged: short, longer, and long. */
import t from 'tap';
import type { MaskedDocument } from '../../src/mask/document/document-mask.js';
import { maskedAnswer } from '../../src/services/masked-answer.js';

type Call = Parameters<typeof maskedAnswer>[1];

/** @param records their texts, as masks wrote them */
function answerOf(records: readonly string[]) {
  const frame = [...records.map((_, i) => (i === 0 ? '{"单":[' : ',')), ']}'];
  const document: MaskedDocument = {
    frame,
    records,
    recordKeys: records.map((_, i) => String(i)),
    subjectKeys: records.map(() => null),
  };
  const call = { plan: { mask: () => document } } as unknown as Call;
  const { body } = maskedAnswer('{}', call, 10_000, 0).rows;
  return { body: body!, text: frame.map((part, i) => part + (records[i] ?? '')).join('') };
}

for (const count of [1, 20, 60, 2_000]) {
  void t.test(`${count} records`, async (t) => {
    const records = Array.from(
      { length: count },
      (_, i) => `{"n":${i},"收件人":"王**","note":"𠮷é ****${i}"}`,
    );
    const { body, text } = answerOf(records);
    t.equal(body.encode().toString(), text);
    t.equal(body.ofRecords, Buffer.byteLength(records.join('')));
  });
}
