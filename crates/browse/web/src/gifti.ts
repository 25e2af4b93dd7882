/** The arrays of a GIFTI file as the server writes it: little-endian, compressed. */

export class GiftiError extends Error {}

/** Reads the arrays in order: values and points as float32, triangles as int32. */
export async function readArrays(buffer: ArrayBuffer): Promise<(Float32Array | Int32Array)[]> {
  const text = new TextDecoder().decode(buffer)
  const arrays: (Float32Array | Int32Array)[] = []
  for (const [, attributes = '', body = ''] of text.matchAll(/<DataArray\b([^>]*)>(.*?)<\/DataArray>/gs)) {
    const attribute = (name: string): string => attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? ''
    if (attribute('Encoding') !== 'GZipBase64Binary' || attribute('Endian') !== 'LittleEndian') {
      throw new GiftiError(`an array is ${attribute('Encoding')}, ${attribute('Endian')}; expected GZipBase64Binary, LittleEndian`)
    }
    const packed = Uint8Array.from(atob(body.match(/<Data>([^<]*)<\/Data>/)?.[1]?.trim() ?? ''), (character) => character.charCodeAt(0))
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))
    const bytes = await new Response(stream).arrayBuffer()
    const length = [0, 1].map((dim) => Number(attribute(`Dim${dim}`) || '1')).reduce((product, dim) => product * dim, 1)
    if (bytes.byteLength !== 4 * length) throw new GiftiError(`an array has ${bytes.byteLength} bytes, expected ${4 * length}`)
    const type = attribute('DataType')
    if (type === 'NIFTI_TYPE_FLOAT32') arrays.push(new Float32Array(bytes))
    else if (type === 'NIFTI_TYPE_INT32') arrays.push(new Int32Array(bytes))
    else throw new GiftiError(`an array has values of type ${type}`)
  }
  return arrays
}
