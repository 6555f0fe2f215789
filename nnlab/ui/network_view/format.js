/* Numbers as the page writes them. */

export function formatter({ language, score }) {
  const make = (options) => new Intl.NumberFormat(language === "es" ? "es-ES" : "en-GB", { useGrouping: false, ...options });
  const significant = make({ minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  const share = make({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const plain = make({ maximumFractionDigits: 2 }), whole = make({ maximumFractionDigits: 0, useGrouping: "always" });
  const minus = (text) => text.replace("-", "−");
  const number = (value) => {
    if (!Number.isFinite(value)) return value === Infinity ? "∞" : value === -Infinity ? "−∞" : "–";
    const size = Math.abs(value);
    if (size && (size < 1e-4 || size >= 1e6)) return minus(value.toExponential(2).replace("+", "").replace(".", language === "es" ? "," : "."));
    return minus(significant.format(value));
  };
  return {
    number: (value) => minus(plain.format(value)),
    significant: number,
    whole: (value) => whole.format(value),
    percent: (value) => `${share.format(100 * value)} %`,
    figure: (name, value) => (name === "score" && score === "accuracy" ? `${share.format(100 * value)} %` : number(value)),
  };
}

/** A number as people type it, with a decimal comma or point; null where it is none. As `read_number` of the page. */
export function readNumber(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(plain) && Number.isFinite(Number(plain)) ? Number(plain) : null;
}
