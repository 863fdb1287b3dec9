/** What the compiled module exports. Memory is laid out by the host: see `../memory.ts`. */
export { halve } from "./halve";
export { packPixels, packPlane } from "./pack";
export { resizeRows } from "./resize";
export { warpRows } from "./warp";
export { setYuv, yuvToHalfRgb, yuvToRgb } from "./yuv";
