/**
 * The one error type of Facewire. Every failure that reaches a user carries a stable code from {@link ERROR_CODES};
 * each API dialect maps codes to its own answers in one place.
 */

/** What a code means to the people who meet it. `docs/errors.md` is generated from this table. */
export interface ErrorCodeEntry {
  /** HTTP status the native API answers with. */
  readonly status: number;
  /** One sentence: what happened. */
  readonly meaning: string;
  /** One sentence: what the caller can do. */
  readonly mend: string;
}

/** All codes, in the order the reference page shows them. */
export const ERROR_CODES = {
  // The picture.
  picture_empty: { status: 400, meaning: "The body or file holds no bytes.", mend: "Send the picture's bytes." },
  picture_unknown_format: {
    status: 415,
    meaning: "The content is not a picture of a known format.",
    mend: "Send JPEG, PNG, WebP, GIF, TIFF, BMP, PPM or PGM; the content decides, not the declared type.",
  },
  picture_unsupported_format: {
    status: 415,
    meaning: "The content is a known format that is not decoded here (SVG, HEIC, PDF and others).",
    mend: "Convert the picture to JPEG, PNG or WebP.",
  },
  picture_damaged: {
    status: 422,
    meaning: "The picture could not be decoded.",
    mend: "Check that the file opens elsewhere and was sent whole.",
  },
  picture_truncated: {
    status: 422,
    meaning: "The picture ends before its data is complete, and the settings refuse such pictures.",
    mend: "Send the whole file, or set pictures.truncated to decode.",
  },
  picture_too_many_pixels: {
    status: 413,
    meaning: "The picture's declared size is over the pixel limit; it was not decoded.",
    mend: "Scale the picture down, or raise pictures.max_pixels.",
  },
  picture_too_large: {
    status: 413,
    meaning: "The picture is over the byte limit.",
    mend: "Send a smaller file, or raise pictures.max_bytes.",
  },
  picture_too_small: {
    status: 422,
    meaning: "The picture is smaller than any face that could be found.",
    mend: "Send a picture of at least the configured size.",
  },
  picture_wrong_size: {
    status: 422,
    meaning: "The pipeline takes pictures of one size only, and this one has another.",
    mend: "Send a picture of the size that the details name, or use another pipeline.",
  },
  picture_too_slow: {
    status: 422,
    meaning: "Decoding the picture took longer than allowed.",
    mend: "Send a simpler file, or raise pictures.decode_timeout.",
  },
  // The video.
  video_unknown_format: {
    status: 415,
    meaning: "The content is not a video of a format that is read here.",
    mend: "Send MP4/MOV, Matroska/WebM, AVI, MPEG-TS/PS, FLV, Ogg, ASF/WMV or Y4M; playlists are never read.",
  },
  video_refused: {
    status: 422,
    meaning:
      "The video is built in a way that is not opened: a playlist, references to other files or addresses, too many streams.",
    mend: "Convert it to a plain MP4 or WebM file.",
  },
  video_damaged: {
    status: 422,
    meaning: "No frame of the video could be decoded.",
    mend: "Check that the file plays elsewhere and was sent whole.",
  },
  video_no_frames: {
    status: 422,
    meaning: "The file holds no video stream, or a video without frames.",
    mend: "Send a file with at least one frame.",
  },
  video_too_large: {
    status: 413,
    meaning: "The video is over the byte limit for requests.",
    mend: "Send it as a job (POST /v1/jobs), or raise video.max_bytes.",
  },
  video_too_long: {
    status: 413,
    meaning: "The video is longer than allowed here.",
    mend: "Send it as a job (POST /v1/jobs), or raise video.max_run_duration or video.max_duration.",
  },
  video_too_many_pixels: {
    status: 413,
    meaning: "The video's declared frame size is over the pixel limit.",
    mend: "Scale the video down, or raise video.max_pixels.",
  },
  video_too_slow: {
    status: 422,
    meaning: "The video gave no frame for longer than allowed.",
    mend: "Convert it to a plain MP4 or WebM file, or raise video.probe_timeout or video.stall_timeout.",
  },
  video_unavailable: {
    status: 503,
    meaning: "Videos cannot be decoded on this machine: ffmpeg is missing or cannot be run.",
    mend: "Run apt-get install ffmpeg, or set video.ffmpeg; pictures work without.",
  },
  descriptor_invalid: {
    status: 400,
    meaning: "The bytes are no descriptor of a model that is here.",
    mend: "Send a descriptor as this server exports it; those of other products cannot be read.",
  },
  // The request.
  input_not_accepted: {
    status: 415,
    meaning: "The pipeline does not take this kind of input.",
    mend: "See accepts of GET /v1/pipelines; video needs `accepts: [image, video]` in the pipeline's file.",
  },
  idempotency_conflict: {
    status: 409,
    meaning: "The idempotency key was used before for another request.",
    mend: "Use a new key for each different job.",
  },
  job_unknown: { status: 404, meaning: "No job has this id, or it is past its retention.", mend: "See GET /v1/jobs." },
  job_ended: { status: 409, meaning: "The job has ended already.", mend: "None needed." },
  dead_letter_unknown: {
    status: 404,
    meaning: "No dead letter has this id.",
    mend: "See GET /v1/dead-letters.",
  },
  dead_letter_without_input: {
    status: 409,
    meaning: "The input of the dead letter was not kept, so it cannot be tried again.",
    mend: "Send the picture once more; dead_letters.keep_inputs keeps inputs from now on.",
  },
  dead_letter_busy: {
    status: 409,
    meaning: "The dead letter is being retried now.",
    mend: "Wait for the retry to end; a letter it could not mend is still there then.",
  },
  cursor_expired: {
    status: 410,
    meaning: "Events after this cursor were deleted by the retention.",
    mend: "Start without a cursor, or from the oldest one in the details.",
  },
  upgrade_required: {
    status: 426,
    meaning: "The address wants a WebSocket of version 13.",
    mend: "Connect with a WebSocket client of today.",
  },
  request_invalid: { status: 400, meaning: "The request does not have the documented form.", mend: "See the details." },
  request_too_large: {
    status: 413,
    meaning: "The request body is over the byte limit.",
    mend: "Send fewer or smaller pictures, or raise http.max_body.",
  },
  request_too_many_files: {
    status: 413,
    meaning: "The request holds more files than allowed.",
    mend: "Split the files over several requests, or raise http.max_files.",
  },
  request_too_slow: {
    status: 408,
    meaning: "The request's body did not arrive in time.",
    mend: "Send the body without long pauses.",
  },
  request_cancelled: { status: 499, meaning: "The client left before the answer.", mend: "None needed." },
  media_type_unsupported: {
    status: 415,
    meaning: "The request's content type is not one this address reads.",
    mend: "Send a raw picture as body, or multipart/form-data.",
  },
  not_found: { status: 404, meaning: "There is nothing at this address.", mend: "See the API reference." },
  method_not_allowed: { status: 405, meaning: "The address does not take this method.", mend: "See the Allow header." },
  pipeline_unknown: { status: 404, meaning: "No pipeline has this name.", mend: "See GET /v1/pipelines." },
  unauthorized: { status: 401, meaning: "The token is missing or wrong.", mend: "Send Authorization: Bearer <token>." },
  forbidden: { status: 403, meaning: "The token's role does not allow this.", mend: "Use a token of the named role." },
  origin_refused: {
    status: 403,
    meaning: "A browser sent this for a page of another origin, or under a name that is not the server's own.",
    mend: "Call the server from its own pages, from a program, or with a token.",
  },
  // Load and time.
  overloaded: {
    status: 503,
    meaning: "The queue is full, or the wait would outlast the deadline; the request was refused at once.",
    mend: "Try again after the seconds in Retry-After.",
  },
  pool_full: {
    status: 503,
    meaning: "A pool that a stage of the pipeline needs has no room left to wait in.",
    mend: "Try again later, or give the pool more slots or a longer queue.",
  },
  deadline_exceeded: {
    status: 504,
    meaning: "The work was not done by its deadline.",
    mend: "Try again with fewer pictures, or raise the pipeline's limits.deadline.",
  },
  shutting_down: {
    status: 503,
    meaning: "The server is stopping.",
    mend: "Try again on another or the next instance.",
  },
  // Parts that fail.
  stage_failed: { status: 500, meaning: "A stage failed on this picture.", mend: "See the dead letters and logs." },
  worker_failed: {
    status: 500,
    meaning: "The inference worker died on this picture, also when it was tried again.",
    mend: "See the dead letters and logs.",
  },
  model_unavailable: {
    status: 503,
    meaning: "A model the pipeline needs is missing, damaged or could not be loaded.",
    mend: "Run facewire models verify, then facewire models pull.",
  },
  pipeline_unavailable: {
    status: 503,
    meaning: "The pipeline is known, but it cannot run now.",
    mend: "See /health and facewire pipelines check.",
  },
  store_unavailable: { status: 503, meaning: "The database cannot be used now.", mend: "See /health." },
  mailbox_full: { status: 503, meaning: "An actor's mailbox is full and its rule is to refuse.", mend: "Try again." },
  no_receiver: { status: 503, meaning: "Nobody listens on the address a message was sent to.", mend: "See /health." },
  message_invalid: {
    status: 400,
    meaning: "A message between parts of the server does not have the form its receiver takes.",
    mend: "Run the same version everywhere; see the dead letters.",
  },
  message_too_large: {
    status: 413,
    meaning: "A message is larger than the bus carries.",
    mend: "Send a smaller picture, or raise the broker's largest message.",
  },
  bus_unavailable: { status: 503, meaning: "The message bus cannot be reached now.", mend: "See /health." },
  group_unavailable: {
    status: 503,
    meaning: "No process of the group that a stage's `place:` names can be reached now.",
    mend: "Start one with facewire serve --roles inference --groups <group>; see /health.",
  },
  actor_failed: {
    status: 503,
    meaning: "A part of the server failed too often in a row and was given up.",
    mend: "See the dead letters and logs.",
  },
  internal: { status: 500, meaning: "An unexpected failure.", mend: "Report it with the request id." },
  // Addresses that a request names.
  url_refused: {
    status: 400,
    meaning: "An address in the request may not be fetched: its form, port or host is not allowed.",
    mend: "Name a public http or https address; luna.urls.allow opens ranges of your own network.",
  },
  url_failed: {
    status: 400,
    meaning: "Nothing usable came from an address in the request.",
    mend: "Check that it answers with status 200, in time, and within the limits of size.",
  },
  url_wrong_type: {
    status: 400,
    meaning: "What an address in the request gave is not of the wanted type.",
    mend: "Name a picture; the declared type and the content both count.",
  },
  // Files and set-up.
  config_invalid: { status: 422, meaning: "A settings file or variable is not valid.", mend: "See the details." },
  pipeline_invalid: { status: 422, meaning: "A pipeline definition is not valid.", mend: "See the details." },
  stage_invalid: {
    status: 422,
    meaning: "A stage file of one's own could not be loaded or is not a stage.",
    mend: "See the details and docs/stages.md.",
  },
  card_invalid: { status: 422, meaning: "A model card is not valid.", mend: "See the details." },
  model_unknown: { status: 422, meaning: "No model card or alias has this name.", mend: "See facewire models list." },
  model_source_failed: {
    status: 502,
    meaning: "A model's source could not be read or did not match its integrity.",
    mend: "Check the network and the card's source and integrity.",
  },
  model_prepare_failed: {
    status: 422,
    meaning: "A model's file could not be prepared: it is damaged, or holds what the preparation steps do not know.",
    mend: "Check the card's prepare steps, or convert the file to ONNX yourself and name it with file:.",
  },
  model_damaged: {
    status: 500,
    meaning: "A prepared model file does not match its card's sha256.",
    mend: "Run facewire models pull to prepare it anew.",
  },
  listen_unsafe: {
    status: 500,
    meaning: "The server would listen beyond loopback without any token.",
    mend: "Create one with facewire tokens create, or set access.open to true.",
  },
  file_unreadable: {
    status: 500,
    meaning: "A file or folder that a command needs could not be read.",
    mend: "Check that it is there and that you may read it.",
  },
  file_unwritable: {
    status: 500,
    meaning: "A file, a folder or a command's output could not be written.",
    mend: "Check that there is room and that you may write there.",
  },
  server_unreachable: {
    status: 502,
    meaning: "The server a command is for does not answer.",
    mend: "Start it with facewire serve, or name another with --url.",
  },
  usage: { status: 400, meaning: "The command's words are wrong.", mend: "See facewire --help." },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A stable error code. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts about an error that are safe to show: plain JSON, no paths, no secrets. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What a client is told about an error. */
export interface PublicError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** A failure with a stable code and a message that is safe to show. The `cause` is for logs only. */
export class FacewireError extends Error {
  override readonly name = "FacewireError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  /** The status the native API answers with. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** What a client is told. */
  toPublic(): PublicError {
    return this.details === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, details: this.details };
  }

  /** Rebuilds an error that crossed a thread or a process as a {@link PublicError}. */
  static fromPublic(error: PublicError): FacewireError {
    return new FacewireError(error.code, error.message, error.details ? { details: error.details } : {});
  }

  /** The error itself if it is coded, else an `internal` one that hides what was thrown. */
  static from(thrown: unknown, code: ErrorCode = "internal", message = "An unexpected failure."): FacewireError {
    return thrown instanceof FacewireError ? thrown : new FacewireError(code, message, { cause: thrown });
  }
}
