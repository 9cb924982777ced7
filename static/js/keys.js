// Single-key shortcuts, with an off switch in the sheet (WCAG 2.1.4). None of them works while a field has the focus.
(() => {
  "use strict";
  const sheet = document.getElementById("key-sheet");
  if (!sheet) {
    return;
  }
  const places = {
    u: "/inventory/usage/",
    l: "/inventory/lots/",
    c: "/inventory/codes/",
    t: "/inventory/transactions/",
    o: "/inventory/offices/",
    r: "/reconciliation/runs/",
    x: "/reconciliation/resolve/",
    h: "/",
  };
  const store = "lotwise-keys";
  let isOn = true;
  try {
    isOn = localStorage.getItem(store) !== "off";
  } catch {
    // Storage is forbidden: the shortcuts stay on for this page.
  }
  const toggle = sheet.querySelector("[data-keys-switch]");
  toggle.checked = isOn;
  toggle.addEventListener("change", () => {
    isOn = toggle.checked;
    try {
      localStorage.setItem(store, isOn ? "on" : "off");
    } catch {
      // Not remembered, then.
    }
  });
  document.querySelectorAll("[data-key-sheet]").forEach((button) => button.addEventListener("click", () => sheet.showModal()));

  const rows = () => Array.from(document.querySelectorAll("tr[data-row-url]"));
  const chosen = () => document.querySelector("tr.is-chosen");
  const choose = (step) => {
    const all = rows();
    if (!all.length) {
      return;
    }
    const before = chosen();
    const place = before ? Math.min(Math.max(all.indexOf(before) + step, 0), all.length - 1) : 0;
    before?.classList.remove("is-chosen");
    const row = all[place];
    row.classList.add("is-chosen");
    row.scrollIntoView({ block: "nearest" });
    // The focus goes along, so that screen readers read the row and Tab goes on from there.
    (row.querySelector("a") || row).focus({ preventScroll: true });
  };

  let isGoing = false;
  let goingTimer = 0;
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (!isOn || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || sheet.open) {
      return;
    }
    if (target.closest("input, select, textarea, [contenteditable], .dropdown-menu")) {
      return;
    }
    if (isGoing) {
      isGoing = false;
      clearTimeout(goingTimer);
      if (Object.hasOwn(places, event.key)) {
        event.preventDefault();
        window.location.assign(places[event.key]);
      }
      return;
    }
    switch (event.key) {
      case "/": {
        const box = document.querySelector("[data-search-box]");
        if (box) {
          event.preventDefault();
          box.focus();
          box.select();
        }
        break;
      }
      case "?":
        event.preventDefault();
        sheet.showModal();
        break;
      case "g":
        isGoing = true;
        goingTimer = setTimeout(() => (isGoing = false), 1500);
        break;
      case "j":
        choose(1);
        break;
      case "k":
        choose(-1);
        break;
      case "Enter": {
        const row = chosen();
        // On a link or button Enter does what it always does.
        if (row && !target.closest("a, button, summary")) {
          window.location.assign(row.dataset.rowUrl);
        }
        break;
      }
    }
  });
})();
