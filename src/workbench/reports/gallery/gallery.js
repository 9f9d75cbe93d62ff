"use strict";
(() => {
  const root = document.documentElement, all = selector => [...document.querySelectorAll(selector)];
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  /* Light or dark: the system's wish until the reader says otherwise; the reports keep it under the same name. */
  const button = document.getElementById("theme");
  const kept = { get() { try { return localStorage.getItem("theme"); } catch { return null; } },
                 set(name) { try { localStorage.setItem("theme", name); } catch { /* a file may not keep it */ } } };
  const isDark = () => (root.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
  const showTheme = () => button.setAttribute("aria-pressed", String(isDark()));
  if (["light", "dark"].includes(kept.get())) root.dataset.theme = kept.get();
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; kept.set(root.dataset.theme); showTheme(); });
  systemDark.addEventListener("change", showTheme);
  showTheme();

  /* Finding a report: every word must occur; of kinds and of states one button each is pressed. */
  const form = document.querySelector(".find");
  if (!form) return;
  form.hidden = false;
  const search = document.getElementById("search"), rows = all(".rows > li"), groups = all(".kinds");
  const pressed = group => group ? [...group.children].find(one => one.getAttribute("aria-pressed") === "true").dataset : {};
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { kind } = pressed(groups[0]), { status } = pressed(groups[1]);
    let found = 0;
    for (const row of rows) {
      row.hidden = !(words.every(word => row.dataset.text.includes(word)) && (!kind || row.dataset.kind === kind)
        && (!status || row.dataset.status === status));
      found += !row.hidden;
    }
    document.querySelector(".found").textContent = words.length || kind || status ? `${found} of ${rows.length}` : "";
    document.querySelector(".nothing").hidden = found > 0;
    document.querySelector(".rows").hidden = found === 0;
  };
  search.addEventListener("input", show);
  form.addEventListener("submit", event => event.preventDefault());
  for (const group of groups) for (const one of group.children) one.addEventListener("click", () => {
    for (const other of group.children) other.setAttribute("aria-pressed", String(other === one));
    show();
  });
})();
