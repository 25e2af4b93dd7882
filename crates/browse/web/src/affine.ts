/** Affine maps of space as the upper three rows of a matrix, row by row. */

export type Affine = readonly [number, number, number, number, number, number, number, number, number, number, number, number]
export type Point = [number, number, number]

/** Maps a point. */
export function transform(a: Affine, [x, y, z]: readonly [number, number, number]): Point {
  return [
    a[0] * x + a[1] * y + a[2] * z + a[3],
    a[4] * x + a[5] * y + a[6] * z + a[7],
    a[8] * x + a[9] * y + a[10] * z + a[11],
  ]
}

/** The map back; null if there is none. */
export function inverse(a: Affine): Affine | null {
  const [m00, m01, m02, tx, m10, m11, m12, ty, m20, m21, m22, tz] = a
  const c00 = m11 * m22 - m12 * m21
  const c01 = m12 * m20 - m10 * m22
  const c02 = m10 * m21 - m11 * m20
  const det = m00 * c00 + m01 * c01 + m02 * c02
  if (!Number.isFinite(det) || Math.abs(det) < 1e-12) return null
  const r = [
    c00, m02 * m21 - m01 * m22, m01 * m12 - m02 * m11,
    c01, m00 * m22 - m02 * m20, m02 * m10 - m00 * m12,
    c02, m01 * m20 - m00 * m21, m00 * m11 - m01 * m10,
  ].map((cofactor) => cofactor / det)
  const row = (i: number): [number, number, number, number] => {
    const [x, y, z] = [r[3 * i]!, r[3 * i + 1]!, r[3 * i + 2]!]
    return [x, y, z, -(x * tx + y * ty + z * tz)]
  }
  return [...row(0), ...row(1), ...row(2)] as unknown as Affine
}
