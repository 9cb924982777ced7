// Documents: amounts that are sums, suggestions of codes, and lines to type into like a spreadsheet. The server works
// everything out again; without scripts the same form is filled in and sent.
(() => {
  "use strict";
  const form = document.querySelector("form[data-document]");
  if (!form) {
    return;
  }

  // -- Amounts --------------------------------------------------------------------------------------------------------
  const { workedOut, steps, isExact, written } = window.lotwiseAmounts;
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
    // What a blank cell stands for, where the server works it out, is its placeholder.
    return cell ? workedOut(control ? control.value.trim() || control.placeholder : cell.textContent) : null;
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
  // As many as there is room for. All at once: each alone would look at all the others.
  const addLines = (wanted) => {
    const many = template ? Math.max(Math.min(wanted, most - lines().length), 0) : 0;
    if (many < wanted) {
      said.textContent = most ? `A document has at most ${most} lines.` : "";
    }
    const first = Number(count.value);
    const holder = document.createElement("table");
    holder.innerHTML = Array.from({ length: many }, (_, place) =>
      template.innerHTML.replaceAll("__prefix__", String(first + place)),
    ).join("");
    const added = [...holder.querySelectorAll("[data-line]")];
    (lines().at(-1) || table.tHead).after(...added);
    count.value = String(first + many);
    added.forEach(prepare);
    return added;
  };
  const addLine = () => {
    const [line] = addLines(1);
    total();
    return line || null;
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
  // Cells go to the columns as they are shown, those that only show something included: what is copied from such a
  // table comes back to its place. Below a row of headings each column goes where its heading says.
  const plain = (text) => text.replace(/\s+/g, " ").trim().toLowerCase();
  const columnsOf = (rows, start) => {
    const shown = [...table.querySelectorAll("thead th > span[id]")].map((span) => plain(span.textContent));
    const places = rows[0].map((cell) => shown.indexOf(plain(cell)));
    const known = places.filter((place) => place >= 0).length;
    if (known >= 2 && known === new Set(places.filter((place) => place >= 0)).size) {
      return { places, rows: rows.slice(1), heading: rows[0] };
    }
    const widest = Math.max(...rows.map((row) => row.length));
    const ahead = Array.from({ length: widest }, (_, index) => (start + index < shown.length ? start + index : -1));
    return { places: ahead, rows, heading: ahead.map((place) => shown[place] || "cells beyond the last column") };
  };
  table.addEventListener("paste", (event) => {
    const first = event.target.closest("td[data-field] :is(input, select)");
    const text = (event.clipboardData?.getData("text/plain") || "").replace(/(\r\n|\n|\r)$/, "");
    if (!first || !/[\t\r\n]/.test(text)) {
      return; // One cell: the browser pastes it.
    }
    event.preventDefault();
    close();
    const fieldsOf = (line) => [...line.querySelectorAll("td[data-field]")];
    const here = first.closest("[data-line]");
    const { places, rows, heading } = columnsOf(cellsOf(text), fieldsOf(here).indexOf(first.closest("td")));
    const below = lines();
    const free = below.slice(below.indexOf(here)).filter((line) => !isRemoved(line));
    const targets = [...free, ...(rows.length > free.length ? addLines(rows.length - free.length) : [])];
    const unread = new Set();
    let last = first;
    rows.slice(0, targets.length).forEach((cells, row) => {
      const fields = fieldsOf(targets[row]);
      cells.forEach((cell, index) => {
        const control = fields[places[index]]?.querySelector("input:not([type=hidden]), select, textarea");
        if (control) {
          pasteInto(control, cell);
          last = control;
        } else if (cell) {
          unread.add(heading[index]);
        }
      });
    });
    table.dispatchEvent(new Event("change", { bubbles: true }));
    focusOn(last);
    const pasted = Math.min(rows.length, targets.length);
    const short = pasted < rows.length ? ` of ${rows.length}; there is no room for more` : "";
    said.textContent = `Lines pasted: ${pasted}${short}.${unread.size ? ` Not read: ${[...unread].join(", ")}.` : ""}`;
    said.classList.toggle("visually-hidden", !unread.size && !short);
  });
  total();
})();
