// A count as it is typed: what the system says for each line as of the moment of the count, and what the count differs by.
// The server works both out again when it is saved.
(() => {
  "use strict";
  const form = document.querySelector("form[data-document]");
  const url = document.querySelector("[data-balances]")?.dataset.balances;
  const table = form?.querySelector("[data-lines]");
  if (!url || !table) {
    return;
  }
  const { workedOut, steps, written } = window.lotwiseAmounts;
  const PLACES = 4;
  const cellOf = (line, name) => line.querySelector(`td[data-field="${name}"]`);
  const inputOf = (line, name) => cellOf(line, name)?.querySelector("input");
  const nameOf = (line) => inputOf(line, "code").name.split("-").at(-2);

  // What a blank adjustment stands for is its placeholder.
  const differ = (line) => {
    const [counted, balance] = [inputOf(line, "count").value, cellOf(line, "system_balance").textContent].map(workedOut);
    const difference = counted && balance ? steps(counted, PLACES) - steps(balance, PLACES) : null;
    inputOf(line, "quantity").placeholder = difference === null ? "" : written(difference, PLACES, 0, ",");
  };
  const show = (balances) => {
    table.querySelectorAll("[data-line]").forEach((line) => {
      cellOf(line, "system_balance").textContent = balances[nameOf(line)] ?? "";
      differ(line);
    });
    // The totals follow.
    table.dispatchEvent(new Event("input", { bubbles: true }));
  };
  let waiting = 0;
  let asked = new AbortController();
  const ask = async () => {
    asked.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(url, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
        signal: asked.signal,
      });
      if (answer.ok) {
        show((await answer.json()).balances);
      }
    } catch {
      // Overtaken by the next change, or no answer: what is saved is worked out then.
    }
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 200);
  };
  form.addEventListener("change", (event) => {
    const field = event.target.closest("td[data-field]")?.dataset.field;
    if (field !== "count" && field !== "quantity") {
      soon();
    }
  });
  // On the way down, so that the totals are added up after it.
  const typed = (event) => {
    const line = event.target.closest("[data-line]");
    if (line && event.target.closest('td[data-field="count"]')) {
      differ(line);
    }
  };
  table.addEventListener("input", typed, { capture: true });
  window.addEventListener("pageshow", soon);
})();
