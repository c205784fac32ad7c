// Cities by their names, from the status.
import { named } from "../language";
import { status } from "../status";

export function cityName(city: string): string {
  const known = status.value?.cities.find((one) => one.city === city);
  return known ? named(known.name_zh, known.name, city) : city;
}
