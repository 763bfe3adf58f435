import { InvalidArgumentError } from 'commander';

/** Value of an option that is a whole number from 1 on. @throws InvalidArgumentError */
export function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return number;
}
