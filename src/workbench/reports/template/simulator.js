"use strict";
/* The budget simulator of a page: the figures travel with it, so it asks nobody. It computes what Python computes, in the same way. */
(() => {
  const bytesOf = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const unpack = async text => {
    const packed = new DecompressionStream("gzip"), into = packed.writable.getWriter();
    into.write(bytesOf(text));
    into.close();
    return JSON.parse(await new Response(packed.readable).text());
  };
  const sum = list => list.reduce((all, one) => all + one, 0), clip = (value, low, high) => Math.min(Math.max(value, low), high);

  /* Curves between knots: the cubic with the values and slopes at its ends. */
  const slopesAt = (knots, y) => {
    const n = knots.length, step = i => knots[i + 1] - knots[i], rise = i => (y[i + 1] - y[i]) / step(i), found = new Float64Array(n);
    for (let i = 1; i < n - 1; i++) found[i] = (step(i - 1) * rise(i) + step(i) * rise(i - 1)) / (step(i - 1) + step(i));
    found[0] = ((2 * step(0) + step(1)) * rise(0) - step(0) * rise(1)) / (step(0) + step(1));
    found[n - 1] = ((2 * step(n - 2) + step(n - 3)) * rise(n - 2) - step(n - 2) * rise(n - 3)) / (step(n - 2) + step(n - 3));
    return found;
  };
  const placeOf = (knots, m) => {
    let low = 0, high = knots.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (knots[middle] <= m) low = middle; else high = middle; }
    const step = knots[low + 1] - knots[low];
    return { i: low, step, t: (m - knots[low]) / step };
  };
  const valueAt = ({ y, s }, { i, step, t }) => (1 + 2 * t) * (1 - t) ** 2 * y[i] + t * (1 - t) ** 2 * step * s[i]
    + (t * t * (3 - 2 * t) * y[i + 1] + t * t * (t - 1) * step * s[i + 1]);
  const slopeAt = ({ y, s }, { i, step, t }) => 6 * t * (1 - t) * ((y[i + 1] - y[i]) / step) + (1 - t) * (1 - 3 * t) * s[i] + t * (3 * t - 2) * s[i + 1];
  const curvesOf = page => {
    const { knots, draws } = page, channels = page.channels.length, count = knots.length;
    const scale = new DataView(bytesOf(page.scale).buffer), planes = bytesOf(page.curves), half = planes.length / 2;
    return Array.from({ length: draws * channels }, (_, row) => {
      const y = new Float64Array(count), largest = scale.getFloat32(4 * row, true);
      for (let g = 0, rise = 0, value = 0; g < count; g++) {
        const at = row * count + g;
        rise = (rise + planes[at] + 256 * planes[half + at]) & 65535;
        value = (value + rise) & 65535;
        y[g] = value / 65535 * largest;
      }
      return { y, s: slopesAt(knots, y) };
    });
  };

  /* An estimate: the mean, and the shortest interval that holds 94 % of the draws. */
  const estimate = draws => {
    const ordered = Float64Array.from(draws).sort(), inside = Math.min(Math.floor(0.94 * ordered.length), ordered.length - 1);
    let best = 0;
    for (let i = 1; i + inside < ordered.length; i++) if (ordered[i + inside] - ordered[i] < ordered[best + inside] - ordered[best]) best = i;
    return { value: sum([...draws]) / draws.length, low: ordered[best], high: ordered[best + inside] };
  };

  /* The best split: equal parts handed out exactly, then money shifted until the next unit brings the same everywhere. */
  const PARTS = 400, FINE = 64, ROUNDS = 60;
  const bought = (money, worth, price) => money.map((steps, c) => {
    const of = worth[c], count = of.filter(one => one > price).length;
    if (count === 0) return steps[0];
    if (count === of.length) return steps[FINE];
    const fall = of[count - 1] - of[count], t = fall > 0 ? clip((of[count - 1] - price) / fall, 0, 1) : 0;
    return steps[count - 1] + t * (steps[count] - steps[count - 1]);
  });
  const fittedTo = (split, low, high, total) => {
    const inside = split.map((one, c) => clip(one, low[c], high[c])), missing = total - sum(inside);
    const room = inside.map((one, c) => missing > 0 ? high[c] - one : one - low[c]), available = sum(room);
    return available <= 0 ? inside : inside.map((one, c) => clip(one + room[c] * (missing / available), low[c], high[c]));
  };
  const bestSplit = (page, expected, low, high, total) => {
    const { knots, spend } = page, at = (c, money) => placeOf(knots, money / spend[c]);
    const outcome = split => sum(split.map((money, c) => valueAt(expected[c], at(c, money))));
    const part = Math.max(total - sum(low), 0) / PARTS, taken = [];
    let value = new Float64Array(PARTS + 1).fill(-Infinity);
    value[0] = 0;
    spend.forEach((_, c) => {
      const gained = new Float64Array(PARTS + 1).fill(-Infinity);
      for (let k = 0; k <= PARTS; k++) {
        const money = low[c] + part * k;
        if (k === 0 || money - part < high[c] * (1 - 1e-12)) gained[k] = valueAt(expected[c], at(c, Math.min(money, high[c])));
      }
      const next = new Float64Array(PARTS + 1).fill(-Infinity), choice = new Int32Array(PARTS + 1);
      for (let all = 0; all <= PARTS; all++) for (let k = 0; k <= all; k++) {
        const tried = value[all - k] + gained[k];
        if (tried > next[all]) { next[all] = tried; choice[all] = k; }
      }
      value = next;
      taken.push(choice);
    });
    let left = PARTS;
    while (left > 0 && value[left] === -Infinity) left--;
    const coarse = [];
    for (let c = spend.length - 1; c >= 0; c--) { const k = taken[c][left]; coarse[c] = Math.min(low[c] + k * part, high[c]); left -= k; }
    const start = fittedTo(coarse, low, high, total), whole = sum(start);
    const least = start.map((one, c) => Math.max(low[c], one - 2 * part)), most = start.map((one, c) => Math.min(high[c], one + 2 * part));
    const money = start.map((_, c) => Array.from({ length: FINE + 1 }, (__, k) => least[c] + (most[c] - least[c]) * (k / FINE)));
    const worth = money.map((steps, c) => {
      let lowest = Infinity;
      return steps.map(one => lowest = Math.min(lowest, slopeAt(expected[c], at(c, one)) / spend[c]));
    });
    let floor = Math.min(...worth.flat()), ceiling = Math.max(...worth.flat());
    for (let round = 0; round < ROUNDS; round++) {
      const price = (floor + ceiling) / 2;
      if (sum(bought(money, worth, price)) > whole) floor = price; else ceiling = price;
    }
    const above = bought(money, worth, floor), below = bought(money, worth, ceiling), spread = sum(above) - sum(below);
    const share = spread > 0 ? clip((whole - sum(below)) / spread, 0, 1) : 0;
    const found = fittedTo(below.map((one, c) => one + share * (above[c] - one)), least, most, whole);
    return outcome(found) >= outcome(start) && Math.abs(sum(found) - whole) <= 1e-9 * Math.max(whole, 1) ? found : start;
  };
  const rescaled = (split, low, high, locked, total) => {
    const scaled = factor => split.map((one, c) => locked[c] ? one : clip((one > 0 ? one : 1e-9) * factor, low[c], high[c]));
    let least = 0, most = 1;
    while (sum(scaled(most)) < total && most < 1e15) most *= 2;
    for (let round = 0; round < 60; round++) {
      const middle = (least + most) / 2;
      if (sum(scaled(middle)) < total) least = middle; else most = middle;
    }
    return scaled((least + most) / 2);
  };

  /* Figures as every report writes them. */
  const SIGNS = { EUR: "€", USD: "$", GBP: "£", JPY: "¥" };
  const WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(" ");
  const THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
  const placesOf = currency => WHOLE.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const fixed = (value, places) => {
    const shifted = value * 10 ** places, tie = Math.abs(shifted % 1) === 0.5 && Number.isInteger(value * 2 ** (places + 1));
    /* Not the formatter of the language: it rounds the shortest decimal of a figure, not the figure. */
    const [whole, part] = (tie ? 2 * Math.round(shifted / 2) / 10 ** places : value).toFixed(places).split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
  };
  const significant = value => {
    const size = Math.abs(value);
    let places = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
    if (size > 0 && size < 0.001) places = Math.min(1 - Math.floor(Math.log10(size)), 12);
    const text = fixed(value, places);
    return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  };
  /* What is not zero does not read as zero. */
  const unlessNothing = (value, places, least) => value !== 0 && Math.abs(value) <= least ? significant(value) : fixed(value, places);
  /* Platforms report modelled conversions in parts; of a thousand a part is no longer read. */
  const counted = value => {
    const size = Math.abs(value);
    return size > 0.5 && size < 1000 ? fixed(value, 1).replace(/\.0$/, "") : unlessNothing(value, 0, 0.5);
  };
  const money = (value, currency) => {
    const sign = SIGNS[currency] ?? "", size = Math.abs(value), minus = value < 0 ? "−" : "", least = placesOf(currency);
    const [scale, suffix] = size >= 1e9 ? [1e9, "B"] : size >= 1e6 ? [1e6, "M"] : [1, ""];
    let text = `${minus}${sign}${fixed(size / scale, suffix ? 2 : size < 1000 ? least : 0)}${suffix}`;
    if (size > 0 && size < 0.01 || least === 0 && size < 100) text = `${minus}${sign}${significant(size)}`;
    return sign || !currency ? text : `${text} ${currency}`;
  };
  const signed = text => text.startsWith("-") ? `−${text.slice(1)}` : text;
  const percent = share => `${share > 0 ? "+" : ""}${signed(fixed(100 * share, 0).replace(/^-0$/, "0"))}%`;

  class Simulator {
    constructor(root, page) {
      Object.assign(this, { root, page, split: [...page.split], locked: [...page.locked] });
      this.curves = curvesOf(page);
      this.expected = page.expected.map(y => ({ y, s: slopesAt(page.knots, y) }));
      this.now = this.outcomes(page.spend);
      this.find = name => root.querySelector(`[data-part="${name}"]`);
      this.rows = [...root.querySelectorAll(".sim-channel")].map(row => ({ row,
        slider: row.querySelector("input[type=range]"), field: row.querySelector("input[type=number]"),
        lock: row.querySelector("input[type=checkbox]"), change: row.querySelector("[data-part=change]"),
        still: row.querySelector("[data-part=split]"), next: row.querySelector("[data-part=next]") }));
      this.listen();
      for (const part of root.querySelectorAll(".sim-live")) part.hidden = false;
      this.show();
    }
    outcomes(split) {
      const { page, curves } = this, count = page.channels.length, found = new Float64Array(page.draws);
      const places = split.map((one, c) => placeOf(page.knots, one / page.spend[c]));
      for (let d = 0; d < page.draws; d++) for (let c = 0; c < count; c++) found[d] += valueAt(curves[d * count + c], places[c]);
      return found;
    }
    marginal(c) {
      const { page, curves, split } = this, place = placeOf(page.knots, split[c] / page.spend[c]);
      let all = 0;
      for (let d = 0; d < page.draws; d++) all += slopeAt(curves[d * page.channels.length + c], place);
      return all / page.draws / page.spend[c];
    }
    listen() {
      const { page } = this;
      this.rows.forEach(({ slider, field, lock }, c) => {
        const set = value => { this.split[c] = clip(value, page.low[c], page.high[c]); this.show(c); };
        slider.addEventListener("input", () => set(Number(slider.value) * page.spend[c]));
        field.addEventListener("change", () => { if (field.value !== "" && isFinite(field.value)) set(Number(field.value)); else this.show(); });
        lock.addEventListener("change", () => { this.locked[c] = lock.checked; this.show(); });
      });
      const total = this.find("total");
      total.addEventListener("change", () => {
        const asked = Number(total.value);
        if (total.value !== "" && isFinite(asked)) this.split = rescaled(this.split, page.low, page.high, this.locked, asked);
        this.show();
        if (total.value !== "" && Math.abs(sum(this.split) - asked) > 0.5 + 1e-6 * asked) this.say(`The bounds do not allow ${money(asked, page.currency)}; the nearest is ${money(sum(this.split), page.currency)}.`);
      });
      this.find("best").addEventListener("click", () => this.best());
      this.find("today").addEventListener("click", () => { this.split = page.spend.map((one, c) => this.locked[c] ? this.split[c] : one); this.show(); });
    }
    best() {
      const { page, split, locked } = this;
      if (page.refused) return;
      const low = page.low.map((one, c) => locked[c] ? split[c] : one), high = page.high.map((one, c) => locked[c] ? split[c] : one);
      if (!high.some((one, c) => one > low[c])) { this.say("All channels are locked: unlock two to move money between them."); return; }
      this.split = bestSplit(page, this.expected, low, high, sum(split));
      this.show();
    }
    say(text) { this.find("note").textContent = text; }
    put(name, text, raw) { const part = this.find(name); part.textContent = text; part.dataset.raw = raw; }
    amount(value) { return this.page.unit === "money" ? money(value, this.page.currency) : signed(counted(value)); }
    put_estimate(name, found) {
      this.put(name, this.amount(found.value), found.value);
      const range = this.find(`${name}-range`);
      range.textContent = `${this.amount(found.low)} to ${this.amount(found.high)}`;
      range.dataset.low = found.low; range.dataset.high = found.high;
    }
    show(moved = -1) {
      const { page, split, locked, now } = this, then = this.outcomes(split), gains = then.map((one, d) => one - now[d]);
      this.put("proposed", money(sum(split), page.currency), sum(split));
      this.put_estimate("outcome", estimate(then));
      this.put_estimate("gain", estimate(gains));
      const better = gains.filter(one => one > 0).length / page.draws;
      this.put("better", gains.every(one => one === 0) ? "no change" : better >= 0.995 ? "over 99%" : better <= 0.005 ? "under 1%" : `${fixed(100 * better, 0)}%`, better);
      this.find("total").value = String(Math.round(sum(split)));
      this.rows.forEach(({ slider, field, lock, still, change, next, row }, c) => {
        const times = split[c] / page.spend[c], worth = this.marginal(c);
        if (c !== moved || document.activeElement !== slider) slider.value = String(times);
        slider.setAttribute("aria-valuetext", `${money(split[c], page.currency)}, ${fixed(times, 2)} times today`);
        if (document.activeElement !== field || c !== moved) field.value = String(Math.round(split[c]));
        slider.disabled = field.disabled = lock.checked = locked[c];
        row.classList.toggle("changed", Math.abs(times - 1) > 0.0005);
        still.textContent = money(split[c], page.currency);
        change.textContent = percent(times - 1);
        change.dataset.raw = split[c];
        next.textContent = page.unit === "money" ? `${unlessNothing(worth, 2, 0.005)}x` : significant(worth);
        next.dataset.raw = worth;
      });
      this.say("");
      this.warn();
    }
    warn() {
      const { page, split } = this, list = this.find("warnings"), two = value => fixed(value, 2).replaceAll(",", "");
      const told = page.channels.flatMap((name, c) => {
        const times = split[c] / page.spend[c], much = `${two(times)} times today's spend`;
        const said = [];
        if (times > Math.max(page.peak[c], 1) * 1.001) said.push(`${much}; no ${page.period} ever had more than ${two(page.peak[c])} times, so the curve is extrapolated.`);
        else if (times > Math.max(page.sustained[c], 1) * 1.001) said.push(`${much}; single ${page.period}s had as much, but ${page.span} at most ${two(page.sustained[c])} times.`);
        if (page.believed?.[c] && Math.abs(times - 1) > 0.001) said.push("No data speak for this change: the return is what was believed beforehand.");
        return said.length ? [`${name}: ${said.join(" ")}`] : [];
      });
      list.replaceChildren(...told.map(text => Object.assign(document.createElement("li"), { textContent: text })));
      list.hidden = !told.length;
    }
  }

  for (const root of document.querySelectorAll(".simulator")) {
    if (!("DecompressionStream" in window)) break;
    unpack(root.querySelector("script[data-figures]").textContent).then(page => { root.simulator = new Simulator(root, page); root.dataset.ready = ""; }, console.error);
  }
})();
