// Documents: amounts that are sums, suggestions of codes, and lines to type into like a spreadsheet. The server works
// everything out again; without scripts the same form is filled in and sent.
(() => {
  "use strict";
  const form = document.querySelector("form[data-document]");
  if (!form) {
    return;
  }

  // -- Amounts: exact fractions of whole numbers, never floats (inventory_site/arithmetic.py) -------------------------
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
  // What a sum comes to is shown when the cell is left; a plain number stays as it was typed.
  const settle = (input) => {
    const places = Number(input.dataset.amount);
    const isSum = /[-+*/()=×÷−]/.test(input.value.trim().replace(/^-/, ""));
    const value = isSum ? workedOut(input.value) : null;
    if (value && (value.isDivided || isExact(value, places))) {
      input.title = input.value.trim();
      input.value = written(steps(value, places), places, 0, "");
    }
  };
  form.addEventListener("focusout", (event) => {
    if (event.target.matches("[data-amount]")) {
      settle(event.target);
    }
  });

  // -- Suggestions of codes: a combobox with a list below it ----------------------------------------------------------
  const list = document.createElement("ul");
  list.id = "code-suggestions";
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Codes");
  list.hidden = true;
  form.append(list);
  let picker = null; // the field that the list belongs to
  let found = [];
  let active = -1;
  let waiting = 0;
  let asked = new AbortController();

  const prepare = (part) =>
    part.querySelectorAll(".code-picker[data-url]").forEach((input) => {
      input.setAttribute("role", "combobox");
      input.setAttribute("aria-autocomplete", "list");
      input.setAttribute("aria-controls", list.id);
      input.setAttribute("aria-expanded", "false");
    });
  const close = () => {
    clearTimeout(waiting);
    asked.abort();
    list.hidden = true;
    active = -1;
    if (picker) {
      picker.setAttribute("aria-expanded", "false");
      picker.removeAttribute("aria-activedescendant");
    }
  };
  const activate = (index) => {
    active = index;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === index)));
    if (index < 0) {
      picker.removeAttribute("aria-activedescendant");
    } else {
      picker.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  };
  const show = (input, rows) => {
    picker = input;
    found = rows;
    if (!rows.length) {
      close();
      return;
    }
    list.replaceChildren(
      ...rows.map((row, index) => {
        const item = document.createElement("li");
        item.id = `code-suggestion-${index}`;
        item.setAttribute("role", "option");
        [["b", row.code], ["span", row.description], ["i", row.est_unit_cost]].forEach(([tag, text]) => {
          const part = document.createElement(tag);
          part.textContent = text || "";
          item.append(part, " ");
        });
        return item;
      }),
    );
    const box = input.getBoundingClientRect();
    list.hidden = false;
    const width = Math.min(Math.max(box.width, 420), window.innerWidth - 16);
    list.style.width = `${width}px`;
    list.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - width - 8))}px`;
    const isBelow = box.bottom + list.offsetHeight < window.innerHeight || box.top < list.offsetHeight;
    list.style.top = `${isBelow ? box.bottom + 2 : box.top - list.offsetHeight - 2}px`;
    input.setAttribute("aria-expanded", "true");
    // What was typed is the beginning of the first one: Enter takes it.
    const typed = input.value.trim().toLowerCase();
    activate(typed && rows[0].code.toLowerCase().startsWith(typed) ? 0 : -1);
  };
  const ask = async (input) => {
    asked.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(`${input.dataset.url}?q=${encodeURIComponent(input.value.trim())}`, {
        signal: asked.signal,
        headers: { Accept: "application/json" },
      });
      const rows = await answer.json();
      if (document.activeElement === input) {
        show(input, rows);
      }
    } catch {
      // Overtaken by the next letter, or no answer: the code is simply typed.
    }
  };
  const hint = (input, text) => {
    let words = input.parentElement.querySelector(".cell-hint");
    if (!words && text && input.closest("[data-line]")) {
      words = document.createElement("small");
      words.className = "cell-hint";
      input.after(words);
    }
    if (words) {
      words.textContent = text;
    }
  };
  const choose = (row) => {
    const input = picker;
    input.value = row.code;
    hint(input, row.description);
    const prefix = input.name.slice(0, input.name.lastIndexOf("-") + 1);
    (input.dataset.fills || "").split(" ").filter(Boolean).forEach((pair) => {
      const [name, key] = pair.split(":");
      const cell = form.elements[prefix + name];
      if (cell && cell.value.trim() === "" && row[key]) {
        cell.value = row[key];
      }
    });
    close();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  form.addEventListener("input", (event) => {
    const input = event.target;
    if (input.matches(".code-picker[data-url]")) {
      hint(input, "");
      found = [];
      clearTimeout(waiting);
      waiting = setTimeout(() => ask(input), 150);
    }
  });
  form.addEventListener("focusout", (event) => {
    if (event.target === picker) {
      // Typed in full and left: as good as chosen.
      const typed = picker.value.trim().toLowerCase();
      const same = found.filter((row) => row.code.toLowerCase() === typed);
      if (same.length === 1 && picker.value) {
        choose(same[0]);
      }
      found = [];
    }
    close();
  });
  form.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!input.matches(".code-picker[data-url]") || event.isComposing || event.ctrlKey || event.metaKey) {
      return;
    }
    const isOpen = !list.hidden && picker === input;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.altKey) {
      event.preventDefault();
      if (isOpen) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate((active + step + found.length + (active < 0 && step < 0 ? 1 : 0)) % found.length);
      } else {
        ask(input);
      }
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      found = [];
      close();
    } else if ((event.key === "Enter" || event.key === "Tab") && isOpen && active >= 0) {
      if (event.key === "Enter") {
        event.preventDefault();
      }
      choose(found[active]);
    }
  });
  // The field keeps the focus while the mouse chooses.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) {
      choose(found[[...list.children].indexOf(item)]);
    }
  });
  window.addEventListener("resize", close);
  window.addEventListener("scroll", (event) => event.target !== list && close(), true);
  prepare(form);

  // -- Sending --------------------------------------------------------------------------------------------------------
  form.addEventListener("keydown", (event) => {
    const save = form.querySelector("[data-save]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && save) {
      event.preventDefault();
      form.requestSubmit(save);
    }
  });

  // -- Lines ----------------------------------------------------------------------------------------------------------
  const table = form.querySelector("[data-lines]");
  if (!table) {
    return;
  }
  const most = Number(table.dataset.linesMost);
  const template = form.querySelector("[data-line-template]");
  const count = form.elements[`${table.dataset.lines}-TOTAL_FORMS`];
  const said = form.querySelector("[data-lines-said]");
  const lines = () => [...table.querySelectorAll("[data-line]")];
  const isRemoved = (line) => Boolean(line.querySelector(".line-remove :checked"));
  const CONTROLS = "td[data-field] :is(input:not([type=hidden]), select, textarea)";
  const controls = (line) => [...line.querySelectorAll(CONTROLS)];
  const controlAt = (line, column) => controls(line).find((control) => control.closest("td").cellIndex === column);

  const valueOf = (line, name) => {
    const cell = line.querySelector(`td[data-field="${name}"]`);
    const control = cell?.querySelector("input:not([type=hidden])");
    return cell ? workedOut(control ? control.value : cell.textContent) : null;
  };
  const put = (cell, number, places, least) => {
    cell.textContent = number === null ? "" : written(number, places, least, ",");
    cell.classList.toggle("negative", number !== null && number < 0n);
  };
  const PLACES = 6; // as many as any field has
  const total = () => {
    const kept = lines().filter((line) => !isRemoved(line));
    kept.forEach((line, index) => (line.querySelector("th.line-number").textContent = index + 1));
    lines().filter(isRemoved).forEach((line) => (line.querySelector("th.line-number").textContent = "–"));
    const pair = (table.dataset.amountOf || "").split(" ");
    let everything = 0n;
    lines().forEach((line) => {
      const cell = line.querySelector("[data-line-amount]");
      if (cell) {
        const [quantity, cost] = pair.map((name) => valueOf(line, name));
        const product = quantity && cost && { above: quantity.above * cost.above, below: quantity.below * cost.below };
        const amount = product ? steps(product, 2) : null;
        put(cell, amount, 2, 2);
        everything += isRemoved(line) || amount === null ? 0n : amount;
      }
    });
    table.querySelectorAll("[data-total-of-amounts]").forEach((cell) => put(cell, everything, 2, 2));
    table.querySelectorAll("[data-total-of]").forEach((cell) => {
      const values = kept.map((line) => valueOf(line, cell.dataset.totalOf)).filter(Boolean);
      const sum = values.reduce((before, value) => before + steps(value, PLACES), 0n);
      put(cell, sum, PLACES, Number(cell.dataset.least));
    });
  };
  const addLine = () => {
    if (!template || lines().length >= most) {
      said.textContent = most ? `A document has at most ${most} lines.` : "";
      return null;
    }
    const index = Number(count.value);
    const holder = document.createElement("table");
    holder.innerHTML = template.innerHTML.replaceAll("__prefix__", String(index));
    const line = holder.querySelector("[data-line]");
    (lines().at(-1) || table.tHead).after(line);
    count.value = String(index + 1);
    prepare(line);
    total();
    return line;
  };
  const focusOn = (control) => {
    control.focus();
    if (control.matches("input:not([type=checkbox], [type=date], [type=datetime-local])")) {
      control.select();
    }
  };

  form.querySelector("[data-add-line]")?.addEventListener("click", (event) => {
    event.preventDefault();
    const line = addLine();
    if (line) {
      said.textContent = `Line ${line.querySelector("th.line-number").textContent} added.`;
      focusOn(controls(line)[0]);
    }
  });
  ["input", "change"].forEach((name) => table.addEventListener(name, total));
  // After the cell has settled.
  table.addEventListener("focusout", () => setTimeout(total, 0));
  window.addEventListener("pageshow", total);

  // Enter goes down, Shift+Enter up; it never sends the form by accident.
  table.addEventListener("keydown", (event) => {
    const control = event.target.closest("td[data-field] :is(input, select), .line-remove input");
    if (event.key !== "Enter" || !control || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const isTaken = event.defaultPrevented; // by the list of codes
    event.preventDefault();
    if (isTaken) {
      return;
    }
    const column = control.closest("td").cellIndex;
    const kept = lines().filter((line) => !isRemoved(line) || line === control.closest("[data-line]"));
    const place = kept.indexOf(control.closest("[data-line]")) + (event.shiftKey ? -1 : 1);
    const line = place < 0 ? null : kept[place] || addLine();
    if (line) {
      focusOn(controlAt(line, column) || controls(line)[0] || control);
    }
  });

  // -- Cells of a spreadsheet -----------------------------------------------------------------------------------------
  const cellsOf = (text) => {
    const rows = [[]];
    const part = /(?:"((?:[^"]|"")*)"(?=[\t\r\n]|$)|([^\t\r\n]*))(\t|\r\n|\n|\r|$)/y;
    while (part.lastIndex < text.length) {
      const match = part.exec(text);
      rows[rows.length - 1].push((match[1] === undefined ? match[2] : match[1].replaceAll('""', '"')).trim());
      if (match[3] === "\t" && part.lastIndex === text.length) {
        rows[rows.length - 1].push("");
      } else if (match[3] && match[3] !== "\t" && part.lastIndex < text.length) {
        rows.push([]);
      }
    }
    return rows;
  };
  const pasteInto = (control, text) => {
    if (control.matches("select")) {
      const wanted = text.toLowerCase();
      const isIt = (option) => [option.value, option.text].some((words) => words.trim().toLowerCase() === wanted);
      const option = [...control.options].find(isIt);
      control.value = option ? option.value : control.value;
    } else if (control.type === "checkbox") {
      control.checked = /^(x|y|yes|true|1)$/i.test(text);
    } else if (control.type === "date") {
      const parts = /^(\d{1,2})\/(\d{1,2})\/(\d{4}|\d{2})$/.exec(text);
      control.value = parts
        ? `${parts[3].padStart(4, "20")}-${parts[1].padStart(2, "0")}-${parts[2].padStart(2, "0")}`
        : text;
    } else if (control.matches("[data-amount]")) {
      // Spreadsheets write -1200 as (1,200.00) and put the currency before it.
      control.value = text.replace(/[$€£\s]/g, "").replace(/^\(([\d.,]+)\)$/, "-$1");
    } else {
      control.value = text.replace(/\s+/g, " ");
    }
    if (control.matches(".code-picker")) {
      hint(control, "");
    }
  };
  table.addEventListener("paste", (event) => {
    const first = event.target.closest("td[data-field] :is(input, select)");
    const text = (event.clipboardData?.getData("text/plain") || "").replace(/(\r\n|\n|\r)$/, "");
    if (!first || !/[\t\r\n]/.test(text)) {
      return; // One cell: the browser pastes it.
    }
    event.preventDefault();
    close();
    const column = first.closest("td").cellIndex;
    let line = first.closest("[data-line]");
    let last = first;
    let pasted = 0;
    const rows = cellsOf(text);
    for (const cells of rows) {
      if (!line) {
        break;
      }
      const targets = controls(line).filter((control) => control.closest("td").cellIndex >= column);
      cells.slice(0, targets.length).forEach((cell, index) => {
        pasteInto(targets[index], cell);
        last = targets[index];
      });
      pasted += 1;
      const kept = lines();
      const next = kept.slice(kept.indexOf(line) + 1).find((one) => !isRemoved(one));
      line = next || (pasted < rows.length ? addLine() : null);
    }
    total();
    focusOn(last);
    const short = pasted < rows.length ? ` of ${rows.length}; there is no room for more` : "";
    said.textContent = `Lines pasted: ${pasted}${short}.`;
  });
  total();
})();
