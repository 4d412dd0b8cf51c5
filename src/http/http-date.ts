/** Dates in requests: the usual form, and the two old ones that a server must read, too. */
import { httpDateToMicros } from '../base/system.ts';

const RFC_850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d:\d\d:\d\d) GMT$/;
const ASCTIME =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/;

const SECONDS_PER_YEAR = 31_556_952;
/** A year of two digits lies at most so far ahead (RFC 9110, 5.6.7). */
const YEARS_AHEAD = 50;

/** The time of a date in any of the three forms, µs since 1970; undefined if malformed. */
export function dateToMicros(text: string, nowMicros: number): number | undefined {
  const usual = httpDateToMicros(text);
  if (usual !== undefined) return usual;
  const [, day, month, year, time] = RFC_850.exec(text) ?? [];
  if (day !== undefined)
    return httpDateToMicros(
      `Mon, ${day} ${month} ${fullYear(Number(year), nowMicros)} ${time} GMT`,
    );
  const [, ofMonth, ofDay, ofTime, ofYear] = ASCTIME.exec(text) ?? [];
  if (ofDay === undefined) return undefined;
  return httpDateToMicros(`Mon, ${ofDay.replace(' ', '0')} ${ofMonth} ${ofYear} ${ofTime} GMT`);
}

/** The last year with these two digits that is not too far ahead. */
function fullYear(digits: number, nowMicros: number): number {
  const most = 1970 + Math.floor(nowMicros / 1e6 / SECONDS_PER_YEAR) + YEARS_AHEAD;
  return most - ((most - digits) % 100);
}
