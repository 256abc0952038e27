#include "dicom/dcmtk/c_store.h"

#include <fmt/format.h>

#include <memory>
#include <set>

#include "dicom/dcmtk/dcmtk.h"
#include "dicom/dcmtk/elements.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet::dicom {
namespace {

/// What a node has to agree to for a file.
struct Offer {
  std::string sop_class, syntax;

  auto operator<=>(const Offer&) const = default;
};

Offer offer_of(const std::filesystem::path& file) {
  DcmFileFormat object;
  const OFCondition read = object.loadFileUntilTag(file.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                                                   ERM_autoDetect, DCM_PatientName);
  OFString sop_class;
  if (read.bad() || object.getDataset()->findAndGetOFString(DCM_SOPClassUID, sop_class).bad())
    throw Error(file.string(), "cannot be read as a DICOM object", "write it again");
  return {sop_class.c_str(), DcmXfer(object.getDataset()->getOriginalXfer()).getXferID()};
}

std::unique_ptr<DcmSCU> connection(const SendOptions& options) {
  if (options.trust.empty()) return std::make_unique<DcmSCU>();
  auto tls = std::make_unique<DcmTLSSCU>();
  tls->setPeerCertVerification(DCV_requireCertificate);
  tls->addTrustedCertFile(options.trust.c_str());
  if (options.certificate.empty())
    tls->disableAuthentication();
  else
    tls->enableAuthentication(options.key.c_str(), options.certificate.c_str(), "");
  return tls;
}

void set_up(DcmSCU& node, const Destination& destination, const SendOptions& options) {
  const auto seconds = static_cast<Uint32>(options.timeout.count());
  node.setAETitle(options.calling_ae.c_str());
  node.setPeerAETitle(destination.called_ae.c_str());
  node.setPeerHostName(destination.host.c_str());
  node.setPeerPort(destination.port);
  node.setConnectionTimeout(static_cast<Sint32>(seconds));
  node.setACSETimeout(seconds);
  node.setDIMSEBlockingMode(DIMSE_NONBLOCKING);
  node.setDIMSETimeout(seconds);
  node.setDatasetConversionMode(OFTrue);
}

/// Each kind of file as it is and, for nodes that take nothing else, in the encoding that all must take.
void offer(DcmSCU& node, const std::vector<std::filesystem::path>& files) {
  std::set<Offer> offers;
  for (const auto& file : files) {
    const Offer own = offer_of(file);
    offers.insert(own);
    offers.insert({own.sop_class, UID_LittleEndianImplicitTransferSyntax});
  }
  for (const Offer& o : offers) {
    OFList<OFString> syntaxes;
    syntaxes.push_back(o.syntax.c_str());
    require(node.addPresentationContext(o.sop_class.c_str(), syntaxes));
  }
}

void store(DcmSCU& node, const std::filesystem::path& file, const Destination& destination) {
  constexpr unsigned warning = 0xB000;  // and 0xB006, 0xB007 (PS3.4 B.2.3)
  Uint16 status = 0;
  const OFCondition sent = node.sendSTORERequest(0, file.c_str(), nullptr, status);
  if (sent.bad())
    throw Error(destination.name(), fmt::format("did not take {} ({})", file.string(), sent.text()),
                "see whether it stores segmentations and structure sets");
  if ((status & 0xF000U) == warning)
    log::warn(fmt::format("{} took {} with the warning {:04X}", destination.name(), file.string(), status));
  else if (status != 0)
    throw Error(destination.name(), fmt::format("refused {} with the status {:04X}", file.string(), status),
                "its log says why");
}

}  // namespace

void c_store(const std::vector<std::filesystem::path>& files, const Destination& destination,
             const SendOptions& options) {
  silence_dcmtk();
  const std::unique_ptr<DcmSCU> node = connection(options);
  set_up(*node, destination, options);
  offer(*node, files);
  OFCondition connected = node->initNetwork();
  if (connected.good()) connected = node->negotiateAssociation();
  if (connected == NET_EC_NoAcceptablePresentationContexts)
    throw Error(destination.name(), "takes no objects of this kind",
                "set it up for them; a structure set or a segmentation of another type may be known to it");
  if (connected.bad())
    throw Error(destination.name(), fmt::format("cannot be reached ({})", connected.text()),
                "see that it runs there, and knows this program's AE title " + options.calling_ae);
  for (const auto& file : files) store(*node, file, destination);
  node->releaseAssociation();
}

}  // namespace nnunet::dicom
