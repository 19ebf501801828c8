import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// A list within a page or dialog: as high as its rows, up to a height from which on it scrolls. Only
// what is seen is built.
ListView {
    id: rows
    property real rowHeight: Theme.px(48)
    property real most: rowHeight * 7.5
    Layout.fillWidth: true
    implicitHeight: Math.min(count * (rowHeight + spacing), most)
    visible: count > 0
    clip: true
    reuseItems: true
    boundsBehavior: Flickable.StopAtBounds
    activeFocusOnTab: false
    ScrollBar.vertical: ScrollBar {}
}
