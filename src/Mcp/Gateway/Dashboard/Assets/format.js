// Numbers, times and JSON as people read them. Every function takes what may be missing, and says so with a dash.

const None = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

export function count(value) {
  if (!known(value)) return None;
  if (Math.abs(value) < 10_000) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}

export function rate(value) {
  if (!known(value)) return None;
  return value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value));
}

export function bytes(value) {
  if (!known(value)) return None;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function milliseconds(value) {
  if (!known(value)) return None;
  if (value > 0 && value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1_000) return `${Math.round(value)} ms`;
  return value < 60_000 ? `${(value / 1_000).toFixed(1)} s` : duration(value / 1_000);
}

export function duration(seconds) {
  if (!known(seconds)) return None;
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400), hours = Math.floor(whole / 3_600) % 24, minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export const percent = (share) => known(share) ? `${Math.round(share * 100)} %` : None;

/** Milliseconds since 1970 of what the gateway tells as a date or as such a number; null where it tells neither. */
export function instant(value) {
  const time = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isFinite(time) ? time : null;
}

export function clock(value) {
  const time = instant(value);
  if (time === null) return None;
  const date = new Date(time);
  const two = (part) => String(part).padStart(2, "0");
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? "" : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  return `${day}${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** JSON whose numbers are kept as they were written where a double would change them. */
export function parseJson(text) {
  if (typeof JSON.rawJSON !== "function") return JSON.parse(text);
  return JSON.parse(text, (key, value, context) => {
    const isChanged = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
    return isChanged && context?.source ? JSON.rawJSON(context.source) : value;
  });
}

export function sameJson(left, right) {
  return canonical(left) === canonical(right);
}

function canonical(value) {
  if (value === null || typeof value !== "object" || JSON.isRawJSON?.(value)) return JSON.stringify(value) ?? "";
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}
