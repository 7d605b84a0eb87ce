/** Python's `strftime` in English, whatever the language of the machine is. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

type Field = (date: Date) => string | number;

/** Numbers of two digits, unless the text says otherwise. */
const FIELDS: Readonly<Record<string, Field>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => date.getFullYear() % 100,
  m: (date) => date.getMonth() + 1,
  d: (date) => date.getDate(),
  e: (date) => String(date.getDate()).padStart(2, " "),
  H: (date) => date.getHours(),
  I: (date) => date.getHours() % 12 || 12,
  M: (date) => date.getMinutes(),
  S: (date) => date.getSeconds(),
  j: (date) => String(dayOfYear(date)).padStart(3, "0"),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  A: (date) => DAYS[date.getDay()],
  a: (date) => DAYS[date.getDay()].slice(0, 3),
  B: (date) => MONTHS[date.getMonth()],
  b: (date) => MONTHS[date.getMonth()].slice(0, 3),
  h: (date) => MONTHS[date.getMonth()].slice(0, 3),
  w: (date) => String(date.getDay()),
  u: (date) => String(date.getDay() || 7),
  F: (date) => formatTime(date, "%Y-%m-%d"),
  D: (date) => formatTime(date, "%m/%d/%y"),
  T: (date) => formatTime(date, "%H:%M:%S"),
  R: (date) => formatTime(date, "%H:%M"),
  c: (date) => formatTime(date, "%a %b %e %T %Y"),
  x: (date) => formatTime(date, "%D"),
  X: (date) => formatTime(date, "%T"),
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

/** Fields of local time such as `%d %b %Y`; `%-d` leaves zeros at the front out. An unknown field stays as it is. */
export function formatTime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (whole, short: string, name: string) => {
    if (!Object.hasOwn(FIELDS, name)) return whole;
    const value = FIELDS[name](date);
    if (typeof value === "string") return short === "" ? value : value.replace(/^[ 0]+(?=\d)/, "");
    return short === "" ? String(value).padStart(2, "0") : String(value);
  });
}

function dayOfYear(date: Date): number {
  const noon = (month: number, day: number) => Date.UTC(date.getFullYear(), month, day);
  return Math.round((noon(date.getMonth(), date.getDate()) - noon(0, 0)) / 86_400_000);
}
