/**
 * Which video container some bytes are, told from the bytes alone. What is named here is what ffmpeg is then told to read:
 * it never guesses by itself, so no file can pass for one format here and be opened as another there.
 */

/** How much of a file {@link sniffVideo} needs: some packets of an MPEG transport stream, also with 204 bytes a packet. */
export const SNIFF_VIDEO_BYTES = 4096;

/** Containers that are read. */
export const VIDEO_FORMATS = ["mp4", "matroska", "avi", "mpegts", "mpegps", "flv", "ogg", "asf", "y4m"] as const;
export type VideoFormat = (typeof VIDEO_FORMATS)[number];

/** Top-level boxes that MP4 and QuickTime files begin with. */
const FIRST_BOXES = /^(ftyp|moov|mdat|wide|free|skip|pnot)$/;
/** Brands of still pictures in the same container. */
const PICTURE_BRANDS = /^(avif|avis|msf1|heic|heix|heim|heis|hevm|hevs|mif1|miaf|crx )$/;
/** Sizes of packets of a transport stream, and what lies before the mark of each: plain, with a time stamp, with checks. */
const TRANSPORT_PACKETS = [
  { size: 188, before: 0 },
  { size: 192, before: 4 },
  { size: 204, before: 0 },
] as const;

/**
 * The container of a video by its first bytes ({@link SNIFF_VIDEO_BYTES} are enough); undefined for anything else:
 * pictures, playlists, text. Never reads more than that.
 */
export function sniffVideo(head: Uint8Array): VideoFormat | undefined {
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (FIRST_BOXES.test(text.slice(4, 8))) return isPictureBrand(text) ? undefined : "mp4";
  if (text.startsWith("\x1a\x45\xdf\xa3")) return "matroska";
  if (text.startsWith("RIFF") && /^AVI[ X]$/.test(text.slice(8, 12))) return "avi";
  if (text.startsWith("FLV\x01")) return "flv";
  if (text.startsWith("OggS\0")) return "ogg";
  if (text.startsWith("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c")) return "asf";
  if (text.startsWith("YUV4MPEG2 ")) return "y4m";
  // A pack header; the bits after its start code tell MPEG-2 (01) and MPEG-1 (0010).
  if (text.startsWith("\0\0\x01\xba") && (head[4]! >> 6 === 1 || head[4]! >> 4 === 2)) return "mpegps";
  if (isTransportStream(head)) return "mpegts";
  return undefined;
}

/** Pictures come in MP4's container, too; they begin with a type box of their own. */
function isPictureBrand(text: string): boolean {
  return text.slice(4, 8) === "ftyp" && PICTURE_BRANDS.test(text.slice(8, 12));
}

/** Whether every packet begins with the mark: one byte alone would take any file that begins with a G. */
function isTransportStream(head: Uint8Array): boolean {
  const mark = 0x47;
  return TRANSPORT_PACKETS.some(({ size, before }) => {
    const packets = Math.floor(head.length / size);
    if (packets < 2) return false;
    for (let packet = 0; packet < Math.min(packets, 8); packet++) {
      if (head[packet * size + before] !== mark) return false;
    }
    return true;
  });
}
