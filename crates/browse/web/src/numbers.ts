/** Numbers as people read them. */

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** A count with thousands separators. */
export function count(value: number): string {
  return grouped.format(value)
}

/** "1 trial", "2 trials". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** A value with about four significant digits; percent with its sign. */
export function value(number: number, unit = ''): string {
  if (Number.isNaN(number)) return 'no value (NaN)'
  const size = Math.abs(number)
  let text: string
  if (number === 0) text = '0'
  else if (size >= 0.01 && size < 10000) text = String(Number(number.toFixed(size < 1 ? 4 : size < 100 ? 3 : 1)))
  else text = number.toExponential(2)
  text = text.replaceAll('-', '−')
  return unit === '%' ? `${text}%` : unit === '' ? text : `${text} ${unit}`
}
