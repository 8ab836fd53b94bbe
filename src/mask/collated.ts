/**
 * Masks compare characters, not meanings: under a collation that takes accents or case for nothing, parts of
 * them would not run, and others would take one character for another. What comes out is ordered as the
 * database orders.
 */
export function collated(form: (text: string) => string): (text: string) => string {
  return (text) => `(${form(`(${text} COLLATE "C")`)}) COLLATE "default"`;
}
