import { describe, expect, test } from "bun:test";
import { csvHeading, csvLine, csvRows, faceColumns } from "../../../src/cli/run/csv.ts";
import type { FaceJson, ItemResult } from "../../../src/pipeline/results.ts";

const face: FaceJson = {
  box: { x: 1, y: 2.5, width: 30, height: 40 },
  score: 0.9,
  liveness: { prediction: "live", probability: 0.8, score: 1.4, calibration: "REGULAR", raw: 0.6 },
};

function item(fields: Partial<ItemResult>): ItemResult {
  return { index: 0, name: "a.jpg", status: "ok", faces: [], ...fields };
}

describe("csv", () => {
  test("a cell with a comma, a quote or a line feed is quoted as RFC 4180 says", () => {
    expect(csvLine(["a,b", 'say "x"', "two\nlines", "plain"])).toBe('"a,b","say ""x""","two\nlines",plain\r\n');
  });

  test("text that a spreadsheet would run as a formula is disarmed, numbers stay numbers", () => {
    expect(csvLine(["=cmd()", "+1", "-x.jpg", "@a", -1.5])).toBe("'=cmd(),'+1,'-x.jpg,'@a,-1.5\r\n");
    expect(csvLine(['=HYPERLINK("x","y")'])).toBe('"\'=HYPERLINK(""x"",""y"")"\r\n');
  });

  test("columns follow the parts the pipeline writes", () => {
    const heading = csvHeading(faceColumns(["face.box", "face.liveness"], []));
    expect(heading).toBe(
      "file,status,error,message,face,box_x,box_y,box_width,box_height,score,rejected," +
        "liveness,liveness_probability,liveness_score,liveness_raw,liveness_calibration\r\n",
    );
    expect(csvHeading(faceColumns(["face.box"], []))).not.toContain("liveness");
  });

  test("a picture with two faces gives two rows with as many cells as the heading", () => {
    const columns = faceColumns(["face.box", "face.liveness", "face.pose"], []);
    const rows = csvRows(columns, item({ faces: [face, face] })).split("\r\n");
    expect(rows).toHaveLength(3);
    expect(rows[0]).toBe("a.jpg,ok,,,1,1,2.5,30,40,0.9,,live,0.8,1.4,0.6,REGULAR,,,");
    expect(rows[1]).toStartWith("a.jpg,ok,,,2,");
    expect(rows[0]!.split(",")).toHaveLength(csvHeading(columns).split(",").length);
  });

  test("a picture without faces and a failed one keep their row", () => {
    const columns = faceColumns(["face.box"], []);
    expect(csvRows(columns, item({ status: "no_face" }))).toBe("a.jpg,no_face,,,,,,,,,\r\n");
    const error = { code: "picture_damaged", message: "The picture could not be decoded." } as const;
    expect(csvRows(columns, item({ status: "failed", error }))).toBe(
      "a.jpg,failed,picture_damaged,The picture could not be decoded.,,,,,,,\r\n",
    );
  });
});
