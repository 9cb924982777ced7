// Amounts as people type them: exact fractions of whole numbers, never floats (inventory_site/arithmetic.py).
(() => {
  "use strict";
  const NUMBER = /(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+/y;
  const workedOut = (typed) => {
    const text = typed.trim().replaceAll("×", "*").replaceAll("÷", "/").replaceAll("−", "-").replace(/^=/, "");
    if (!text || text.length > 100 || /^\s*\(\s*[\d.,]+\s*\)$/.test(text)) {
      return null;
    }
    let place = 0;
    const skip = () => {
      while (text[place] === " ") {
        place += 1;
      }
      return text[place];
    };
    const number = () => {
      NUMBER.lastIndex = place;
      const found = NUMBER.exec(text);
      if (!found || /[\d.,]/.test(text[NUMBER.lastIndex] || "")) {
        throw new SyntaxError(typed);
      }
      place = NUMBER.lastIndex;
      const [whole, decimals = ""] = found[0].replaceAll(",", "").split(".");
      return { above: BigInt(whole + decimals), below: 10n ** BigInt(decimals.length) };
    };
    const factor = () => {
      const next = skip();
      if (next === "-" || next === "+") {
        place += 1;
        const value = factor();
        return next === "-" ? { above: -value.above, below: value.below } : value;
      }
      if (next !== "(") {
        return number();
      }
      place += 1;
      const value = sum();
      if (skip() !== ")") {
        throw new SyntaxError(typed);
      }
      place += 1;
      return value;
    };
    const product = () => {
      let value = factor();
      while (skip() === "*" || text[place] === "/") {
        const isTimes = text[place] === "*";
        place += 1;
        const other = factor();
        value = isTimes
          ? { above: value.above * other.above, below: value.below * other.below }
          : { above: value.above * other.below, below: value.below * other.above };
        if (value.below === 0n) {
          throw new RangeError(typed);
        }
      }
      return value;
    };
    const sum = () => {
      let value = product();
      while (skip() === "+" || text[place] === "-") {
        const sign = text[place] === "+" ? 1n : -1n;
        place += 1;
        const other = product();
        const above = value.above * other.below + sign * other.above * value.below;
        value = { above, below: value.below * other.below };
      }
      return value;
    };
    try {
      const value = sum();
      if (skip() !== undefined) {
        return null;
      }
      const turn = value.below < 0n ? -1n : 1n;
      return { above: value.above * turn, below: value.below * turn, isDivided: text.includes("/") };
    } catch {
      return null; // The server says what is wrong with it.
    }
  };
  // Whole steps of 1 / 10^places, half away from zero.
  const steps = ({ above, below }, places) => {
    const size = (above < 0n ? -above : above) * 10n ** BigInt(places);
    const whole = size / below + ((size % below) * 2n >= below ? 1n : 0n);
    return above < 0n ? -whole : whole;
  };
  const isExact = ({ above, below }, places) => (above * 10n ** BigInt(places)) % below === 0n;
  const written = (count, places, least, separator) => {
    const digits = String(count < 0n ? -count : count).padStart(places + 1, "0");
    const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, separator);
    const decimals = places ? digits.slice(-places).replace(/0+$/, "").padEnd(least, "0") : "";
    return (count < 0n ? "-" : "") + whole + (decimals ? `.${decimals}` : "");
  };

  window.lotwiseAmounts = Object.freeze({ workedOut, steps, isExact, written });
})();
