"use strict";
(() => {
  const root = document.documentElement, all = selector => [...document.querySelectorAll(selector)];
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  /* Light or dark: the system's wish until the reader says otherwise. */
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

  /* What a figure means: shown by style on hover and focus, dismissed with Escape, kept inside the window. */
  const place = about => {
    const tip = about.querySelector(".tip");
    tip.style.translate = "0";
    const { left, right } = tip.getBoundingClientRect(), edge = root.clientWidth - 8;
    tip.style.translate = `${right > edge ? edge - right : left < 8 ? 8 - left : 0}px`;
  };
  for (const about of all(".about")) {
    for (const kind of ["pointerenter", "focusin"]) about.addEventListener(kind, () => { about.classList.remove("closed"); place(about); });
  }
  addEventListener("keydown", event => { if (event.key === "Escape") all(".about").forEach(about => about.classList.add("closed")); });

  /* Where the reader is. */
  const links = new Map(all(".toc a").map(link => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver(seen => {
    const first = seen.filter(entry => entry.isIntersecting)[0];
    if (!first) return;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(first.target.id)?.setAttribute("aria-current", "true");
  }, { rootMargin: "0px 0px -70% 0px" });
  for (const id of links.keys()) { const heading = document.getElementById(id); if (heading) watch.observe(heading); }
  const openTarget = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
  addEventListener("hashchange", openTarget);
  openTarget();

  /* Print: the definitions and the receipt belong on paper. */
  let opened = [];
  addEventListener("beforeprint", () => { opened = all(".appendix:not([open])"); opened.forEach(part => part.open = true); });
  addEventListener("afterprint", () => opened.forEach(part => part.open = false));

  /* Charts: every picture is there from the start; it becomes live when it comes near the window. */
  const unpack = async id => {
    const bytes = Uint8Array.from(atob(document.querySelector(`script[data-packed=${id}]`).textContent), letter => letter.charCodeAt(0));
    const packed = new DecompressionStream("gzip"), into = packed.writable.getWriter();
    into.write(bytes);
    into.close();
    const out = packed.readable.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await out.read(); !part.done; part = await out.read()) text += part.value;
    return text;
  };
  const load = async () => {
    const [script, charts] = await Promise.all([unpack("vega"), unpack("charts")]);
    const ready = new Promise((well, badly) => { addEventListener("vega", well, { once: true }); setTimeout(badly, 20000, Error("Vega did not start.")); });
    document.head.append(Object.assign(document.createElement("script"), { type: "module", textContent: script }));
    await ready;
    return JSON.parse(charts);
  };
  let loaded;
  const closed = { load: () => Promise.reject(Error("This page makes no requests.")), sanitize: () => Promise.reject(Error("This page makes no requests.")) };

  const tip = Object.assign(document.createElement("div"), { className: "hover", hidden: true });
  document.body.append(tip);
  const hover = (_view, event, _item, content) => {
    tip.hidden = content === null || content === undefined || content === "";
    if (tip.hidden) return;
    tip.replaceChildren(...Object.entries(Object(content) === content ? content : { "": content }).flatMap(([name, text]) => {
      const label = document.createElement("span"), figure = document.createElement("b");
      label.textContent = name; figure.textContent = text;
      return name === "title" ? [figure] : [label, figure];
    }));
    tip.classList.toggle("titled", Object(content) === content && "title" in content);
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, root.clientWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
  };
  /* A finger does not hover: a tap shows what a mouse would, and any other tap or scrolling hides it. */
  addEventListener("click", event => {
    const item = event.target.closest?.(".live") ? [event.target.__data__].flat()[0] : null;
    hover(null, event, item, item?.tooltip);
  });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  const draw = async plot => {
    try {
      const { charts, data } = await (loaded ??= load());
      const chart = charts[plot.dataset.chart];
      for (const part of chart.data ?? []) if (typeof part.values === "string") part.values = data[part.values];
      const view = new vega.View(vega.parse(chart, undefined, { ast: true }),
        { expr: vega.expressionInterpreter, loader: closed, renderer: "svg", hover: true, logLevel: 1 });
      await view.tooltip(hover).initialize(plot.querySelector(".live")).runAsync();
      plot.classList.add("is-live");
    } catch (problem) {
      plot.querySelector(".live").replaceChildren();
      console.error(problem);
    }
  };
  const near = new IntersectionObserver(seen => {
    for (const entry of seen) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "500px" });
  if ("DecompressionStream" in window) for (const plot of all(".plot")) near.observe(plot);
})();
