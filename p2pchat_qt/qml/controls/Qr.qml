import QtQuick

// A QR symbol whose source has a pixel for each module: drawn at whole pixels of the screen, for
// modules of uneven width are hard to read.
Image {
    property real most: Theme.px(220)
    readonly property real pixels: Math.max(1, Math.floor(most * Screen.devicePixelRatio / Math.max(1, implicitWidth)))
    smooth: false
    readonly property real side: implicitWidth * pixels / Screen.devicePixelRatio
    width: side
    height: side
    Accessible.role: Accessible.Graphic
}
