/** A shape that contradicts itself: no document can be what it says. Found when policies are loaded, not when somebody asks. */
export class ShapeFault extends Error {
  /** In the notation of the catalogue. */
  readonly field: string;

  constructor(field: string, what: string) {
    super(`${field} ${what}`);
    this.name = 'ShapeFault';
    this.field = field;
  }
}
